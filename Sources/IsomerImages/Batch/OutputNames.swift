/// What comes out of each picture is called: the stem, and where stems meet (in whatever case, for disks that do not tell), the later ones with
/// their extension and, if need be, a number.
public struct OutputNames: Sendable {
    private let inputs: PictureInputs
    private let isFlat: Bool
    /// Names that gave way to another's.
    private var others: [Int: String] = [:]

    init(_ inputs: PictureInputs, isFlat: Bool) {
        self.inputs = inputs
        self.isFlat = isFlat
        // Of names that are taken, a hash is enough: two that share one by chance only get the longer name.
        var taken: Set<UInt64> = []
        taken.reserveCapacity(inputs.count)
        func take(_ name: String) -> Bool { taken.insert(NameHash.of(name.lowercased())).inserted }
        for (index, input) in inputs.enumerated() {
            let stem = stem(input.name)
            if take(stem) { continue }
            let ending = PictureInputs.split(input.name).ending
            var name = "\(stem)_\(ending)"
            var number = 2
            if ending.isEmpty || !take(name) {
                repeat {
                    name = "\(stem)_\(number)"
                    number += 1
                } while !take(name)
            }
            others[index] = name
        }
    }

    public subscript(index: Int) -> String { others[index] ?? stem(inputs[index].name) }

    private func stem(_ name: String) -> String {
        let stem = PictureInputs.split(name).stem
        return isFlat ? String(stem.map { $0 == "/" ? "_" : $0 }) : stem
    }
}
