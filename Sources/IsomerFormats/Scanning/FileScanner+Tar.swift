internal import IsomerBytes

extension FileScanner {
    /// Looks at the regular members of a tar archive, whatever their names; nothing is unpacked, so names do no harm.
    ///
    /// Reference: POSIX.1-2017 `pax`, "ustar Interchange Format"; GNU tar's numbers in base 256.
    mutating func scanTar(_ source: ScanSource, _ members: [String]) throws(IsomerError) {
        var offset: UInt64 = 0
        var found = 0
        // Headers that lie close together are read together.
        var window: (start: UInt64, bytes: [UInt8]) = (0, [])
        while offset + 512 <= source.count {
            if offset < window.start || offset + 512 > window.start + UInt64(window.bytes.count) {
                try checkTime()
                window = (offset, try source.bytes(at: offset, atMost: 64 << 10))
            }
            let header = window.bytes[Int(offset - window.start)...].prefix(512)
            let place = { header.startIndex + $0 }
            offset += 512
            if header.allSatisfy({ $0 == 0 }) { continue }
            guard let size = FileScanner.tarNumber(header[place(124)..<place(136)]) else {
                return remark(.suspicious, "the tar archive is broken at byte \(source.origin + offset - 512)\(FileScanner.place(members))")
            }
            found += 1
            guard found <= limits.archiveMembers else {
                return remark(.suspicious, "the archive has more members than are looked at")
            }
            let nameBytes = header.prefix(100).prefix { $0 != 0 }
            let name = String(decoding: nameBytes, as: UTF8.self)
            let kind = header[place(156)]
            // There may be a million names: no path is made of each.
            let steps = nameBytes.split(separator: UInt8(ascii: "/"))
            if nameBytes.first == UInt8(ascii: "/") || steps.contains(where: { $0.elementsEqual("..".utf8) })
                || kind == UInt8(ascii: "1") || kind == UInt8(ascii: "2")
            {
                remark(.suspicious, "a member of the tar archive leads elsewhere: \(name)")
            }
            let (end, overflow) = offset.addingReportingOverflow(size)
            let content = source.part(offset..<(overflow ? source.count : min(end, source.count)))
            // Kinds 0 and 7 hold data; what others do with theirs is not worth the difference.
            try scan(content, members + [name], name == "pickle" || name.hasSuffix(".pkl") ? .pickle : .anything)
            if name == "storages" || name == "tensors" { try sweepPickles(content, members + [name]) }
            guard !overflow, end <= source.count else {
                return remark(.suspicious, "the tar archive ends inside a member\(FileScanner.place(members))")
            }
            // Both lie inside the source, so neither sum overflows.
            offset = end + (512 - end % 512) % 512
        }
    }

    /// PyTorch 0.1 wrote pickles and raw bytes by turns: pickles that follow raw bytes are found by how they begin.
    private mutating func sweepPickles(_ source: ScanSource, _ members: [String]) throws(IsomerError) {
        let pieceBytes = 1 << 20
        var position: UInt64 = 0
        while position < source.count {
            try checkTime()
            let piece = try source.bytes(at: position, atMost: pieceBytes + 1)
            for place in piece.indices.dropLast() where piece[place] == 0x80 && piece[place + 1] <= 5 && position + UInt64(place) > 0 {
                let before = streams.count
                try scanPickles(source.part(from: position + UInt64(place)), members, .anything, tellsOfRest: false)
                // Streams that make nothing but data would be listed by the thousand.
                streams.replaceSubrange(before..., with: streams[before...].filter { $0.verdict > .safe })
            }
            position += UInt64(pieceBytes)
        }
    }

    private static func tarNumber(_ field: ArraySlice<UInt8>) -> UInt64? {
        if let first = field.first, first & 0x80 != 0 {
            return field.dropFirst(4).reduce(0) { $0 << 8 | UInt64($1) }
        }
        let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0x20 && $0 != 0 }
        guard digits.allSatisfy({ (0x30...0x37).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 << 3 | UInt64($1 - 0x30) }
    }
}
