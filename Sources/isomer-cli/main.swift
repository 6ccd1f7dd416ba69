import IsomerCommands

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

exit(Isomer.runProcess(Array(CommandLine.arguments.dropFirst())))
