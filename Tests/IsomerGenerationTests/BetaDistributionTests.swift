import Testing

@testable import IsomerGeneration

/// Reference: scipy 1.17, `scipy.stats.beta.ppf`.
@Suite struct BetaDistributionTests {
    @Test(arguments: [
        (1e-09, 0.6, 0.6, 1.85588246249141e-15),
        (0.001, 0.6, 0.6, 1.855873851745199e-05),
        (0.0526315789, 0.6, 0.6, 0.013671081544033176),
        (0.25, 0.6, 0.6, 0.17568037865269498),
        (0.5, 0.6, 0.6, 0.5000000000000001),
        (0.7894736842, 0.6, 0.6, 0.8664972476794944),
        (0.999, 0.6, 0.6, 0.9999814412614826),
        (0.3, 2.0, 5.0, 0.18180347131894917),
        (0.9, 0.5, 3.0, 0.38624888180536926),
    ])
    func quantilesAreSciPys(share: Double, alpha: Double, beta: Double, expected: Double) {
        let found = BetaDistribution(alpha: alpha, beta: beta).quantile(share)
        #expect(abs(found - expected) <= 1e-9 * expected)
    }

    @Test func theEndsAreTheEnds() {
        let distribution = BetaDistribution(alpha: 0.6, beta: 0.6)
        #expect(distribution.quantile(0) == 0 && distribution.quantile(1) == 1 && distribution.quantile(-.infinity) == 0)
        #expect(distribution.below(0) == 0 && distribution.below(1) == 1)
    }

    @Test func aQuantileHasItsShareBelow() {
        for (alpha, beta) in [(0.6, 0.6), (0.1, 3), (5, 0.7), (20, 30)] {
            let distribution = BetaDistribution(alpha: alpha, beta: beta)
            for share in stride(from: 0.01, to: 1, by: 0.07) {
                #expect(abs(distribution.below(distribution.quantile(share)) - share) < 1e-12)
            }
        }
    }
}
