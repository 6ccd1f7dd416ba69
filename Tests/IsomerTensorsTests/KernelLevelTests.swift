import IsomerBytes
import IsomerTensors
import Testing

/// What `ISOMER_KERNELS` may say.
@Suite struct KernelLevelTests {
    @Test func onlyLevelsOfTheMachineCanBeWishedFor() throws {
        try KernelLevel.check(wish: nil)
        for level in KernelLevel.available { try KernelLevel.check(wish: "\(level)") }
        for wish in ["AVX2", "avx-512", "fast"] + KernelLevel.allCases.filter({ !KernelLevel.available.contains($0) }).map({ "\($0)" }) {
            #expect(error(of: { try KernelLevel.check(wish: wish) })?.code == .usage, "\(wish)")
        }
    }
}
