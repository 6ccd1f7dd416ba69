internal import IsomerBytes

extension Bitmap {
    /// A smaller copy whose pixels are averages of those that they cover. 8 bits only.
    func boxReduced(to size: PixelSize) throws(IsomerError) -> Bitmap {
        if size == self.size { return self }
        let passes = SeparablePasses.boxes(from: self.size, to: size)
        guard channels.hasAlpha else { return try filtered(passes, Limits()) }
        return try premultiplied().filtered(passes, Limits()).unpremultiplied()
    }
}
