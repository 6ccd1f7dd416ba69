public import IsomerBytes

/// A text that a JPEG picture carries: the comment of its EXIF block, where A1111 and others say how it was made.
public enum PictureComment {
    /// An EXIF block for `ImageMetadata` that holds `text` and nothing else.
    ///
    /// Throws `limitExceeded` if it would not fit into a JPEG's segment of 65,527 bytes.
    public static func exif(_ text: String) throws(IsomerError) -> [UInt8] {
        let block = EXIF.block(userComment: text)
        guard block.count <= 65_527 else {
            throw IsomerError(
                .limitExceeded, "the text is too long for a JPEG", expected: "at most 32,737 UTF-16 units", found: "\(text.utf16.count)",
                remedy: "write PNG")
        }
        return block
    }

    /// The comment of a JPEG file's EXIF block; nil if there is none.
    public static func text(inJPEG bytes: [UInt8]) -> String? {
        guard bytes.starts(with: [0xFF, 0xD8]) else { return nil }
        return JPEGSegments(bytes, limit: 0).exif.flatMap { EXIF($0) }?.userComment
    }
}
