internal import ArgumentParser
internal import IsomerBytes
internal import IsomerCompute
internal import IsomerGeneration
internal import IsomerTensors

/// How the machine is used.
struct MachineOptions: ParsableArguments {
    enum Precision: String, CaseIterable, ExpressibleByArgument {
        case auto, f32, bf16
    }

    enum Tiling: String, CaseIterable, ExpressibleByArgument {
        case auto, on, off
    }

    @Option(help: ArgumentHelp("The precision of products: f32, bf16, or auto: bf16 where the processor is fast at it.", valueName: "type"))
    var dtype: Precision = .auto

    @Option(
        help: ArgumentHelp("Refuse to start if activations and unpacked weights would take more than this, such as 8GB.", valueName: "size")
    )
    var memory: ByteSize?

    @Option(help: ArgumentHelp("Decode pictures in tiles: on, off, or auto: where they would not fit into --memory.", valueName: "word"))
    var vaeTiling: Tiling = .auto

    /// What `dtype` comes to on this machine.
    var precision: Computation.Precision {
        switch dtype {
        case .f32: .f32
        case .bf16: .bf16
        case .auto: KernelLevel.current >= .avx512bf16 ? .bf16 : .f32
        }
    }

    func settings(_ shared: SharedOptions) -> ComputeSettings {
        var settings = ComputeSettings()
        settings.workers = Workers(count: shared.threads)
        settings.memory = memory.flatMap { Int(exactly: $0.bytes) } ?? .max
        return settings
    }
}
