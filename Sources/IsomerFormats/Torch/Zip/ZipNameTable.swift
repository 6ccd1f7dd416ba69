/// Finds members by name in constant time, comparing bytes: Swift's `String` equality would take two spellings of `é` for one.
struct ZipNameTable: Sendable {
    /// Member number plus one; 0 is a free slot. A power of two, at most half full.
    private var slots: [UInt32]

    /// Fails with the number of the first member whose name an earlier member has.
    init(_ members: [ZipMember], names: [UInt8], duplicate: inout Int?) {
        var count = 16
        while count < members.count * 2 { count *= 2 }
        slots = [UInt32](repeating: 0, count: count)
        for (index, member) in members.enumerated() {
            let slot = self.slot(of: names[member.nameRange], members, names)
            guard slots[slot] == 0 else {
                duplicate = index
                return
            }
            slots[slot] = UInt32(truncatingIfNeeded: index + 1)
        }
    }

    func index(of name: ArraySlice<UInt8>, _ members: [ZipMember], _ names: [UInt8]) -> Int? {
        let found = slots[slot(of: name, members, names)]
        return found == 0 ? nil : Int(found) - 1
    }

    /// The slot that holds `name`, or the free one where it would be.
    private func slot(of name: ArraySlice<UInt8>, _ members: [ZipMember], _ names: [UInt8]) -> Int {
        // The hasher is seeded at random, so that no file can be made whose names all collide.
        var hasher = Hasher()
        name.withUnsafeBytes { hasher.combine(bytes: $0) }
        var slot = hasher.finalize() & (slots.count - 1)
        while slots[slot] != 0 {
            if names[members[Int(slots[slot]) - 1].nameRange] == name { break }
            slot = (slot + 1) & (slots.count - 1)
        }
        return slot
    }
}
