// A source of one stream and a master on AXI4 that break their contracts; `fault` says how.
module misbehaving(
    input clk, input rst, input [3:0] fault,
    output o__valid, output [7:0] o__payload, input o__ready,
    input i__valid, input [7:0] i__payload, output i__ready,
    output m_axi_arvalid, input m_axi_arready, output [31:0] m_axi_araddr, output [7:0] m_axi_arlen,
    output [2:0] m_axi_arsize, output [1:0] m_axi_arburst,
    input m_axi_rvalid, output m_axi_rready, input [31:0] m_axi_rdata, input [1:0] m_axi_rresp, input m_axi_rlast, input m_axi_rid,
    output m_axi_awvalid, input m_axi_awready, output [31:0] m_axi_awaddr, output [7:0] m_axi_awlen,
    output [2:0] m_axi_awsize, output [1:0] m_axi_awburst,
    output m_axi_wvalid, input m_axi_wready, output [31:0] m_axi_wdata, output [3:0] m_axi_wstrb, output m_axi_wlast,
    input m_axi_bvalid, output m_axi_bready, input [1:0] m_axi_bresp, input m_axi_bid
);
    reg [7:0] cycle, word;
    reg asked, announced;
    reg [1:0] beat;
    always @(posedge clk) begin
        cycle <= rst ? 0 : cycle + 1;
        word <= rst ? 0 : word + (o__valid & o__ready);
        asked <= ~rst & (asked | (m_axi_arvalid & m_axi_arready));
        announced <= ~rst & (announced | (m_axi_awvalid & m_axi_awready));
        beat <= rst ? 0 : beat + (m_axi_wvalid & m_axi_wready);
    end
    // The stream counts: 1 withdraws an offer, 2 changes it, 3 gives a wrong word.
    assign o__valid = ~rst & ~(fault == 1 & cycle[1]);
    assign o__payload = fault == 2 ? cycle : word + (fault == 3 & word == 5);
    assign i__ready = fault == 4 ? 0 : cycle[0];
    // Reads: 5 crosses 4 KiB, 6 has narrow beats, 7 is a wrapping burst, 8 changes its address, 9 is not aligned.
    assign m_axi_arvalid = ~rst & ~asked & cycle > 4;
    assign m_axi_araddr = fault == 5 ? 32'hff8 : fault == 8 ? cycle * 4 : fault == 9 ? 2 : 32'h40;
    assign m_axi_arlen = 3;
    assign m_axi_arsize = fault == 6 ? 0 : 2;
    assign m_axi_arburst = fault == 7 ? 2 : 1;
    assign m_axi_rready = 1;
    // Writes of two beats: 10 marks the first as the last.
    assign m_axi_awvalid = ~rst & ~announced & cycle > 4;
    assign m_axi_awaddr = 32'h80;
    assign m_axi_awlen = 1;
    assign m_axi_awsize = 2;
    assign m_axi_awburst = 1;
    assign m_axi_wvalid = announced & beat < 2;
    assign m_axi_wdata = {24'habcdef, 6'd0, beat};
    assign m_axi_wstrb = beat == 0 ? 4'b1111 : 4'b0101;
    assign m_axi_wlast = fault == 10 ? beat == 0 : beat == 1;
    assign m_axi_bready = 1;
endmodule
