; out = relu(a @ w): 16 x 32 of int8 times 32 x 64 of int8, in FP32.
;
; For an accelerator of four tiles of 16 x 16 weights of 8 bits, a bus of 128 bits, and banks of 64 KiB. In memory: a at
; 0x1000, w at 0x2000 in the order in which the array takes it, room for out at 0x3000.

.lanes 16

load    signal=array address=0x1000 beats=2 rows=16 stride=32 destination=0x0 pitch=32
weights address=0x2000 beats=128                ; two blocks of 16 rows, for each four tiles, a beat for a row of a tile
product wait=load signal=vector vectors=16 k=32 n=64 a=0x0 a_pitch=32 out=0x10000 out_pitch=256
vector  wait=array signal=store rows=16 columns=64 a=0x1000:stride=16:int32 d=0x2000:stride=16:fp32 function=relu
store   wait=vector size=2 address=0x3000 count=64 rows=16 stride=256 source=0x20000 element_pitch=4 pitch=256
end
