// Words for simulation: two written under a mask, or a line of them, on the clock; two, and a line, read at once.
// Unknown at first.
module simulation_line_storage #(
    parameter WIDTH = 8,
    parameter DEPTH = 2,
    parameter ADDRESS_WIDTH = 1,
    parameter LINE_WORDS = 1,
    parameter LINE_ADDRESS_WIDTH = 1
) (
    input                           clk,
    input                           write_enable,
    input  [ADDRESS_WIDTH-1:0]      write_address,
    input  [WIDTH-1:0]              write_mask,
    input  [WIDTH-1:0]              write_data,
    input                           write_enable_1,
    input  [ADDRESS_WIDTH-1:0]      write_address_1,
    input  [WIDTH-1:0]              write_mask_1,
    input  [WIDTH-1:0]              write_data_1,
    input                           line_enable,
    input  [LINE_ADDRESS_WIDTH-1:0] line_address,
    input  [LINE_WORDS*WIDTH-1:0]   line_data,
    input  [ADDRESS_WIDTH-1:0]      read_address_0,
    output [WIDTH-1:0]              read_data_0,
    input  [ADDRESS_WIDTH-1:0]      read_address_1,
    output [WIDTH-1:0]              read_data_1,
    input  [LINE_ADDRESS_WIDTH-1:0] read_line_address,
    output [LINE_WORDS*WIDTH-1:0]   read_line_data
);
    reg [WIDTH-1:0] words [0:DEPTH-1];
    // What the first writer leaves, and what the second one finds.
    wire [WIDTH-1:0] written = (words[write_address] & ~write_mask) | (write_data & write_mask);
    wire [WIDTH-1:0] found =
        write_enable && write_address == write_address_1 ? written : words[write_address_1];
    integer i;
    always @(posedge clk) begin
        if (write_enable)
            words[write_address] <= written;
        if (write_enable_1)
            words[write_address_1] <= (found & ~write_mask_1) | (write_data_1 & write_mask_1);
        if (line_enable)
            for (i = 0; i < LINE_WORDS; i = i + 1)
                words[line_address * LINE_WORDS + i] <= line_data[i*WIDTH +: WIDTH];
    end
    assign read_data_0 = words[read_address_0];
    assign read_data_1 = words[read_address_1];
    genvar j;
    generate
        for (j = 0; j < LINE_WORDS; j = j + 1) begin : line
            assign read_line_data[j*WIDTH +: WIDTH] = words[read_line_address * LINE_WORDS + j];
        end
    endgenerate
endmodule
