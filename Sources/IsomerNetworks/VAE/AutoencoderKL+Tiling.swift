public import IsomerBytes
public import IsomerCompute

/// Pictures of any size in the memory of one tile: tiles overlap by a quarter and fade into one another. What is far apart in the picture does
/// not see each other, so the result is not quite that of the whole.
///
/// Reference: diffusers 0.42.1, models/autoencoders/autoencoder_kl.py, `tiled_decode`, `tiled_encode`.
extension AutoencoderKL {
    /// As `decode`, in tiles of `tile` latent pixels a side. What is not larger is decoded whole.
    public func decodeTiled(_ c: Computation, _ weights: Module, _ latents: Tensor, tile: Int = 64) throws(IsomerError) -> Tensor {
        try tiled(c, latents, tile: tile, resultTile: tile * magnification) { piece throws(IsomerError) in
            try decode(c, weights, piece)
        }
    }

    /// As `encode`, in tiles of `tile` latent pixels a side.
    public func encodeTiled(_ c: Computation, _ weights: Module, _ pictures: Tensor, tile: Int = 64) throws(IsomerError) -> Tensor {
        try tiled(c, pictures, tile: tile * magnification, resultTile: tile) { piece throws(IsomerError) in
            try encode(c, weights, piece)
        }
    }

    private func tiled(
        _ c: Computation, _ x: Tensor, tile: Int, resultTile: Int, _ body: (Tensor) throws(IsomerError) -> Tensor
    ) throws(IsomerError) -> Tensor {
        guard x.shape.count == 4, x.shape[1] > tile || x.shape[2] > tile else { return try body(x) }
        guard tile >= 4, resultTile >= 4 else {
            throw IsomerError(.usage, "a tile is too small", expected: "at least 4 pixels", found: "\(min(tile, resultTile))")
        }
        let step = tile * 3 / 4
        let overlap = resultTile / 4
        let kept = resultTile - overlap
        var above: [Tensor] = []
        var rows: [[Tensor]] = []
        for top in stride(from: 0, to: x.shape[1], by: step) {
            var row: [Tensor] = []
            var cut: [Tensor] = []
            for left in stride(from: 0, to: x.shape[2], by: step) {
                var piece = try body(
                    c.crop(x, rows: top..<min(x.shape[1], top + tile), columns: left..<min(x.shape[2], left + tile)))
                if !above.isEmpty { piece = try c.faded(piece, after: above[row.count], extent: overlap, alongRows: true) }
                if let before = row.last { piece = try c.faded(piece, after: before, extent: overlap, alongRows: false) }
                row.append(piece)
                cut.append(try c.crop(piece, rows: 0..<min(kept, piece.shape[1]), columns: 0..<min(kept, piece.shape[2])))
            }
            above = row
            rows.append(cut)
        }
        return try c.joined(rows)
    }
}
