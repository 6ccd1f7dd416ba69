internal import CKernels
public import IsomerBytes

extension Computation {
    /// Tells `observer` of numbers between layers: products and sums of what layers with weights made, which f16 may not hold though it holds
    /// those. Gives them back.
    public func observed(_ x: Tensor, _ module: Module, _ what: String) throws(IsomerError) -> Tensor {
        if !isPlanning { try observer?("\(module.name) (\(what))", x) }
        return x
    }

    /// Tells `scoreObserver` how large the products of queries and keys are before they are scaled, where they can be larger than its limit:
    /// they overflow in f16 first. Without an observer, and in a plan, nothing is computed.
    public func observeScores(_ query: Tensor, _ key: Tensor, heads: Int, _ module: Module) throws(IsomerError) {
        guard let scoreObserver, let queries = query.address, let keys = key.address, query.shape.count == 3, key.shape.count == 3,
            heads > 0, query.channels == key.channels, query.channels % heads == 0, query.shape[0] == key.shape[0]
        else { return }
        let (width, size) = (query.channels, query.channels / heads)
        let (queryCount, keyCount) = (query.shape[1], key.shape[1])
        // No product is larger than its factors' lengths' product.
        let lengths = [(queries, query.rows), (keys, key.rows)].map { rows, count in
            (0..<count * heads).map { place in
                let start = rows + place / heads * width + place % heads * size
                return (0..<size).reduce(Float(0)) { $0 + start[$1] * start[$1] }.squareRoot()
            }
        }
        let longest = lengths.map { $0.reduce(Float(0)) { !($1 <= $0) ? $1 : $0 } }
        if longest[0] * longest[1] <= scoreObserver.limit { return }
        let slots = Slots<Float>(count: query.shape[0] * heads)
        // SAFETY: every share reads only, and writes its own slot.
        nonisolated(unsafe) let (source, other) = (UnsafePointer(queries), UnsafePointer(keys))
        try parallel(query.shape[0] * heads) { item, _ in
            let (image, head) = item.quotientAndRemainder(dividingBy: heads)
            var largest: Float = 0
            for q in 0..<queryCount {
                let length = lengths[0][(image * queryCount + q) * heads + head]
                for k in 0..<keyCount {
                    let bound = length * lengths[1][(image * keyCount + k) * heads + head]
                    // Not a number either way: told as it is.
                    guard !(bound <= largest) else { continue }
                    let a = source + (image * queryCount + q) * width + head * size
                    let b = other + (image * keyCount + k) * width + head * size
                    var product: Float = 0
                    for i in 0..<size { product += a[i] * b[i] }
                    if !(product.magnitude <= largest) { largest = product.magnitude }
                    if largest.isNaN { break }
                }
                if largest.isNaN { break }
            }
            slots.address[item] = largest
        }
        let found = UnsafeBufferPointer(start: slots.address, count: slots.count)
            .reduce(Float(0)) { $1.bitPattern > $0.bitPattern ? $1 : $0 }
        try withExtendedLifetime((query, key, slots)) { () throws(IsomerError) in try scoreObserver.report(module.name, found) }
    }
}
