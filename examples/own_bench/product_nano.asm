; out = relu(a @ w): 4 x 8 of int8 times 8 x 8 of int4, in FP32, on the preset nano.
;
; In memory: a at 0x1000, w at 0x2000, room for out at 0x3000.

.lanes 2

load    signal=array address=0x1000 beats=8 destination=0x0
weights address=0x2000 beats=8
product wait=load signal=vector vectors=4 k=8 n=8 a=0x0 a_pitch=8 out=0x8000 out_pitch=32
vector  wait=array signal=store rows=4 columns=8 a=0x4000:stride=16:int32 d=0x8000:stride=16:fp32 function=relu
store   wait=vector size=2 address=0x3000 count=8 rows=4 stride=32 source=0x10000 element_pitch=4 pitch=32
end
