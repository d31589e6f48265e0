// Words for simulation: written on the clock, read at once, with unknown content at first.
module simulation_storage #(
    parameter WIDTH = 8,
    parameter DEPTH = 2,
    parameter ADDRESS_WIDTH = 1
) (
    input                      clk,
    input                      write_enable,
    input  [ADDRESS_WIDTH-1:0] write_address,
    input  [WIDTH-1:0]         write_data,
    input  [ADDRESS_WIDTH-1:0] read_address,
    output [WIDTH-1:0]         read_data
);
    reg [WIDTH-1:0] words [0:DEPTH-1];
    always @(posedge clk) if (write_enable) words[write_address] <= write_data;
    assign read_data = words[read_address];
endmodule
