internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

extension SetJournal {
    private static let head = Array("isomer set 1".utf8)
    private static let tail = Array("end".utf8)
    private static let fieldCount = 6

    /// The journal as it stands in its file.
    var encoded: [UInt8] {
        var bytes = SetJournal.head + [0]
        for step in steps {
            for name in [step.name, step.staged, step.aside] {
                // Names are bytes that need not be text.
                name.withPlatformString { bytes += UnsafeRawBufferPointer(start: $0, count: strlen($0) + 1) }
            }
            let kind = step.removes ? "2" : step.replaces ? "1" : "0"
            for field in [kind, "\(step.inode)", "\(step.modified)"] { bytes += Array(field.utf8) + [0] }
        }
        return bytes + SetJournal.tail + [0]
    }

    /// Reads what `encoded` wrote. `nil` for anything else, another user's file among it: then nothing is touched.
    init?(_ descriptor: FileDescriptor, in folder: FilePath) {
        var status = stat()
        guard fstat(descriptor.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(),
            status.st_size > 0, status.st_size <= 16 << 20
        else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        guard let count = try? bytes.withUnsafeMutableBytes({ try descriptor.read(fromAbsoluteOffset: 0, into: $0) }),
            count == bytes.count, bytes.last == 0
        else { return nil }
        let fields = bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false)
        guard fields.count > 2, fields.count % SetJournal.fieldCount == 2, fields.first?.elementsEqual(SetJournal.head) == true,
            fields.last?.elementsEqual(SetJournal.tail) == true
        else { return nil }
        var steps: [Step] = []
        for start in stride(from: 1, to: fields.count - 1, by: SetJournal.fieldCount) {
            guard let step = Step(fields[start..<start + SetJournal.fieldCount]) else { return nil }
            steps.append(step)
        }
        self.folder = folder
        self.steps = steps
    }
}

extension SetJournal.Step {
    /// Names that lead elsewhere, and hidden ones that are none of ours, are refused.
    fileprivate init?(_ fields: ArraySlice<ArraySlice<UInt8>>) {
        func component(_ index: Int) -> FilePath.Component? {
            let field = fields[fields.startIndex + index]
            guard !field.isEmpty, !field.contains(UInt8(ascii: "/")) else { return nil }
            let component = (field + [0]).withUnsafeBytes { bytes in
                bytes.baseAddress.flatMap { FilePath.Component(platformString: $0.assumingMemoryBound(to: CInterop.PlatformChar.self)) }
            }
            return component?.kind == .regular ? component : nil
        }
        func text(_ index: Int) -> String { String(decoding: fields[fields.startIndex + index], as: UTF8.self) }
        guard let name = component(0), let staged = component(1), let aside = component(2), !TemporaryName.isTemporary(name),
            TemporaryName.isTemporary(staged), TemporaryName.isTemporary(aside), let inode = UInt64(text(4)), let modified = Int64(text(5))
        else { return nil }
        self.init(
            name: name, staged: staged, aside: aside, replaces: ["1", "2"].contains(text(3)), removes: text(3) == "2", inode: inode,
            modified: modified)
    }
}
