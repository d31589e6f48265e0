"""Options and arguments that are missing, unknown, out of range, contradictory, endless, or meant for a terminal."""

from tests.cli.bad_inputs.case import case

LONG = "n" * 5000
SHAPE = "--rows 16 --columns 16 --weight-bits 4 --input-bits 8"
ASM = {"good.asm": ".lanes 16\nend\n"}
RUN = "program run good.asm --system small"

CASES = (
    # What is not there.
    case("a command that is not there", "mpa", "unknown command 'mpa'", "did you mean 'map'?"),
    case("a command of 5,000 characters", (LONG,), "unknown command 'nnn", "(5,002 characters)", "one of: cache"),
    case("a command that would colour the terminal", ("\x1b[31mmap",), "unknown command '\\x1b[31mmap'", "map"),
    case("a command that is rich markup", ("[/red]",), "unknown command '[/red]'", "one of: cache"),
    case("a command that is no UTF-8", ("m\udcffap",), "unknown command 'm\\udcffap'", "did you mean 'map'?"),
    case("a command that turns text around", ("ma\u202ep",), "unknown command 'ma\\u202ep'", "did you mean 'map'?"),
    case("an option that is not there", "map llama-3.2-1b --contxt 5", "'--contxt'", "'--context'"),
    case("an option without its value", "map llama-3.2-1b --context", "'--context' requires an argument"),
    case("a model that is not there", "map lama-3.2-1b", "unknown model 'lama-3.2-1b'", "did you mean 'llama-3.2-1b'?"),
    case("a model of 5,000 characters", ("map", LONG), "unknown model 'nnn", "(5,002 characters)", "llama-3.2-1b"),
    case("a model file of 5,000 characters", ("map", f"{LONG}.json"), "cannot be read: File name too long"),
    case("a model that is rich markup", ("map", "[bold]x[/]"), "unknown model '[bold]x[/]'", "llama-3.2-1b"),
    case("no model", "map", "Missing argument 'MODEL'"),
    case("an empty model", ("map", ""), "unknown model ''", "one of: llama-3.2-1b"),
    case("two models", "map llama-3.2-1b llama-3.2-1b", "unexpected extra argument (llama-3.2-1b)"),
    case("a system that is not there", "map llama-3.2-1b --system edge-in4", "unknown system 'edge-in4'", "edge-int4"),
    case("a system of 5,000 characters", ("map", "llama-3.2-1b", "--system", f"{LONG}.toml"), "File name too long"),
    case("a host that is not there", "cpu predict --host warm", "unknown host 'warm'", "one of: baseline"),
    case("one folder to compare", "compare one", "one: there is nothing to compare it with", "two or more"),
    case("a folder twice", "compare a a", "a: the folder is given twice", "once"),
    case("folders that are not there", "compare a b", "a: cannot be read: No such file or directory"),
    case("a block that is not there", "generate cim-tyle", "unknown block 'cim-tyle'", "did you mean 'cim-tile'?"),
    case("a co-simulation that is not there", "cosim cim-tyle", "unknown co-simulation 'cim-tyle'", "cim-tile"),
    case("no co-simulation", "cosim", "NAME is missing", "one of accelerator"),
    case("a design that is not there", "cosim npe --design 63x63", "unknown design '63x63'"),
    case("a folder that is not there", "report nothing", "nothing: cannot be read: No such file or directory"),
    case("a file in place of a folder", "report file", "file: cannot be read: Not a directory", files={"file": ""}),
    case("a folder of 5,000 characters", ("report", LONG), "cannot be read: File name too long"),
    case("an empty folder", "report .", "nothing to sum up", "map.json"),
    case("a schema that is not there", "schema --of core", "'--of': 'core' is not one of 'system', 'host'"),
    case("a command of programs that is not there", "program fields lod", "unknown command 'lod'", "'load'"),
    case("a workload that is not there", "cpu run --workload gem", "--workload: unknown workload 'gem'", "gemm"),
    case("no workload", "cpu run", "give --workload or --program"),
    # Numbers.
    case("no number", "map llama-3.2-1b --context many", "'--context': 'many' is not a valid integer"),
    case("a fraction", "map llama-3.2-1b --context 4.5", "'--context': '4.5' is not a valid integer"),
    case("zero", "map llama-3.2-1b --context 0", "context = 0 is not allowed: it must be 1 to", "131072"),
    case("a negative number", "map llama-3.2-1b --context -1", "context = -1 is not allowed: it must be 1 to"),
    case("a prompt of nothing", "map llama-3.2-1b --phase prefill --context 0", "context = 0 is not allowed", "1 to"),
    case("a number of 30 digits", f"map llama-3.2-1b --context {10**30}", f"context = {10**30} is not allowed", "1 to"),
    case("a number of 5,000 digits", f"map llama-3.2-1b --context {'9' * 5000}", "--context", "characters)", "integer"),
    case("a phase that is not there", "map llama-3.2-1b --phase decoed", "'--phase': 'decoed'", "'decode', 'prefill'"),
    case("too few rows", "generate cim-tile --system tiny --rows 0", "--rows = 0 is not allowed", "equal to 2"),
    case("too many rows", "generate cim-tile --system tiny --rows 9999999", "--rows = 9999999 is not allowed", "1024"),
    case("rows of 400 digits", f"generate cim-tile --system tiny --rows {'9' * 400}", "--rows = ", "1024"),
    case("bits that no macro has", "synth cim-tile --system tiny --weight-bits 5", "--weight-bits = 5", "4 or 8"),
    case("fields that are missing", "generate cim-tile --rows 16", "--columns is missing", "or a system"),
    case(
        "a bus that divides nothing", "generate cim-tile --system tiny --result-bus-bits 48", "--result-bus-bits = 48"
    ),
    case("groups without scales", f"generate cim-tile {SHAPE} --group-rows 32", "--group-rows = 32", "group_scale"),
    case("no tiles", f"generate cim-array {SHAPE} --tiles 0", "--tiles = 0 is not allowed", "equal to 1"),
    case("rows of an NPE", "generate npe --rows 3", "--rows = 3 is not allowed", "2, 4, 8, 16 or 32"),
    case("a mode of an NPE", "generate npe --modes int9", "--modes = int9 is not allowed", "fp4_e2m1"),
    case("no modes", ("generate", "simd-mac", "--modes", ""), "--modes", "is not allowed", "fp4_e2m1"),
    case("a mode twice", "generate simd-mac --modes int8,int8", "--modes", "int8,int8", "once"),
    case(
        "lanes of a vector unit",
        "generate vector-unit --lanes 3",
        "--lanes = 3 is not allowed",
        "2, 4, 8, 16, 32 or 64",
    ),
    case("a format that is not there", "generate posit-mac --format posit99_0", "--format", "posit99_0"),
    case("a posit without a fraction", "generate posit-decoder --format posit8_9", "--format", "posit8_9"),
    case("a format of another kind", "generate float-mac --format posit8_0", "--format", "posit8_0", "minifloat"),
    case("fewer stages than none", "generate posit-adder --stages -1", "--stages = -1 is not allowed", "0"),
    case("a million stages", "generate posit-adder --stages 1000000", "--stages = 1000000 is not allowed"),
    case("segments of nothing", "generate posit-mac --segment-bits 0", "--segment-bits = 0 is not allowed"),
    case("a style that is not there", "generate posit-mac --style bush", "--style", "'bush'", "tree", "rows"),
    case(
        "a width of a thousand million", "generate posit-encoder --scale-bits 1000000000", "--scale-bits = 1000000000"
    ),
    case("a clock of nothing", "cpu predict --core-ghz 0", "--core-ghz = 0", "greater than 0"),
    case("a clock that is no number", "cpu predict --core-ghz nan", "--core-ghz = nan is not allowed", "finite"),
    case("a clock without end", "cpu predict --l1-ghz inf", "--l1-ghz = inf is not allowed", "finite"),
    case("a clock of light", "cpu predict --board-ghz 1e9", "--board-ghz = 1000000000.0 is not allowed", "1000"),
    case(
        "a fast clock of nothing", "cpu predict --domains super-core --high-ghz 0", "--high-ghz = 0", "greater than 0"
    ),
    case("domains that are not there", "cpu predict --domains hot", "hot", "super-core-l1"),
    case("domains without a clock", "cpu predict --domains super-core", "--high-ghz is missing", "core"),
    case("a clock without domains", "cpu predict --high-ghz 100", "--high-ghz", "--domains"),
    case("a run that was not made", "cpu predict --workload nothing", "no run of workload 'nothing'"),
    case("a kind of core that is not there", "cpu stats --core atom x", "'--core': 'atom' is not one of 'o3', 'minor'"),
    case(
        "clocks that are no numbers",
        "cpu run --workload gemm --domains super-core --ghz 1,x",
        "--ghz = '1,x'",
        "numbers",
    ),
    case(
        "a clock of runs that is none",
        "cpu run --workload gemm --domains super-core --ghz nan",
        "--ghz = nan",
        "finite",
    ),
    case("no repetitions", "cpu run --workload gemm --repeat 0", "'--repeat': 0", "1<=x<=1000000"),
    case("a thousand processes", "cosim npe --jobs 1000", "'--jobs': 1000", "1<=x<=256"),
    case("options of programs without one", "cosim npe --latency 3", "--latency is not allowed without --program"),
    case(
        "operators that no host runs",
        "map llama-3.2-1b --on-host matmul",
        "--on-host: unknown operator 'matmul'",
        "softmax",
    ),
    case("operators without a host", "map llama-3.2-1b --on-host softmax", "--on-host needs host"),
    # Memory of programs.
    case("no latency", f"{RUN} --latency 0", "'--latency': 0", "1<=x<=65535", files=ASM),
    case("no bandwidth", f"{RUN} --bandwidth 0", "--bandwidth = 0 is not allowed", "above 0, at most 16", files=ASM),
    case(
        "a bandwidth over nothing", f"{RUN} --bandwidth 1/0", "--bandwidth = 1/0 is not allowed", "above 0", files=ASM
    ),
    case("a bandwidth that is no number", f"{RUN} --bandwidth nan", "--bandwidth = nan is not allowed", files=ASM),
    case(
        "a bandwidth with an endless exponent", f"{RUN} --bandwidth 1e999999999", "--bandwidth = 1e999999999", files=ASM
    ),
    case("memory of a part of a page", f"{RUN} --memory-bytes 4097", "--memory-bytes = 4097", "4096", files=ASM),
    case("more memory than there is", f"{RUN} --memory-bytes {1 << 50}", f"--memory-bytes = {1 << 50}", files=ASM),
    case("a negative address", f"{RUN} --address -4096", "--address = -4096 is not allowed", files=ASM),
    case("an address inside of a command", f"{RUN} --address 0x20", "--address = 0x20", "multiple of 64", files=ASM),
    case("an address behind the end", f"{RUN} --address 0x{'f' * 300}", "--address = ", "characters)", files=ASM),
    case("a system that is missing", "program run good.asm", "--system is missing", files=ASM),
    case("lanes that no vector unit has", "program assemble good.asm -o x --lanes 5", "--lanes = 5", "64", files=ASM),
)
