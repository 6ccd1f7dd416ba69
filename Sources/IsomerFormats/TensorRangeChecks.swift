internal import IsomerBytes
internal import IsomerTensors

extension [TensorDescriptor] {
    /// The tensor at `index`, or an error: an index may have been computed from another source's list.
    func checked(_ index: Int, path: FilePath?) throws(IsomerError) -> TensorDescriptor {
        guard indices.contains(index) else {
            throw IsomerError(.usage, "there is no tensor with this index", path: path, expected: "less than \(count)", found: "\(index)")
        }
        return self[index]
    }

    /// Throws unless a layout has a place for each tensor and no other.
    func checkPlaces(_ offsets: [UInt64], path: FilePath?) throws(IsomerError) {
        guard offsets.count == count else {
            throw IsomerError(
                .usage, "the layout was made for other tensors", path: path, expected: "\(count)", found: "\(offsets.count)")
        }
    }
}
