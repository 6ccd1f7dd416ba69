import CKernels
import IsomerBytes
import Testing

@testable import IsomerImages

@Suite("Resampling")
struct ResamplingTests {
    /// Every case of `cases.txt`: byte for byte what Pillow 12, Pillow 13 and OpenCV made.
    @Test func equalsPillowAndOpenCV() throws {
        let folder = Fixtures["images/resampling"]
        var pictures: [String: Bitmap] = [:]
        var options = DecodeOptions()
        options.keep16Bits = true
        var wrong: [String] = []
        let cases = try lines(of: folder.appending("cases.txt"))
        #expect(cases.count > 1900)
        for words in cases {
            guard words.count == 11, let filter = ResamplingFilter(rawValue: words[1]), let width = Int(words[2]),
                let height = Int(words[3]),
                let left = Double(words[4]), let top = Double(words[5]), let right = Double(words[6]), let bottom = Double(words[7]),
                let gap = Double(words[8]), let expected = UInt32(words[10])
            else {
                Issue.record("unreadable case \(words)")
                continue
            }
            let picture = try pictures[words[0]] ?? ImageDecoder.decode(folder.appending("\(words[0]).png"), options: options).bitmap
            pictures[words[0]] = picture
            let result = try picture.resampled(
                to: PixelSize(width, height), filter: filter, box: PixelBox(left: left, top: top, right: right, bottom: bottom),
                reducingGap: gap == 0 ? nil : gap, compatibility: words[9] == "12" ? .pillow12 : .pillow13)
            if checksum(result) != expected { wrong.append(words.joined(separator: " ")) }
        }
        #expect(wrong == [], "\(wrong.count) of \(cases.count) differ")
    }

    /// The vector kernels give the baseline's bytes, for widths around their step and for weights of both signs.
    @Test(arguments: PixelChannels.allCases) func kernelsAgree(channels: PixelChannels) throws {
        for (index, width) in [1, 2, 3, 5, 15, 16, 17, 31, 33, 64, 201].enumerated() {
            let picture = try noise(width, 9 + index, channels, seed: UInt64(width))
            for (filter, outputs) in [(ResamplingFilter.lanczos, 7), (.bicubic, width * 2 + 1), (.box, max(1, width / 2))] {
                let rows = AxisFilter(filter, input: width, from: 0, to: Float(width), outputs: outputs)
                let columns = AxisFilter(filter, input: picture.height, from: 0.3, to: Float(picture.height), outputs: 5)
                for passes in [
                    SeparablePasses(horizontal: rows), SeparablePasses(vertical: columns),
                    SeparablePasses(horizontal: rows, vertical: columns),
                    SeparablePasses(horizontal: rows, vertical: columns, columnsFirst: true),
                ] {
                    let plain = try picture.filtered(passes, Limits(), level: ISOMER_LEVEL_BASELINE)
                    for level in [ISOMER_LEVEL_AVX2, ISOMER_LEVEL_AVX512] where isomer_level_supported(level) {
                        #expect(try picture.filtered(passes, Limits(), level: level) == plain)
                    }
                }
            }
        }
    }

    /// A picture that is stored turned gives what the turned picture gives.
    @Test(arguments: Orientation.allCases) func storedPicturesNeedNotBeTurned(orientation: Orientation) throws {
        for (index, channels) in [PixelChannels.gray, .rgb, .rgba].enumerated() {
            for stored in [try noise(90, 61, channels, seed: 3), try noise(23, 190, channels, seed: 4)] {
                let picture = StoredPicture(bitmap: stored, orientation: orientation)
                let upright = try stored.oriented(orientation)
                #expect(picture.size == upright.size)
                let (width, height) = (Double(upright.width), Double(upright.height))
                for box in [
                    PixelBox(left: 0, top: 0, right: width, bottom: height),
                    PixelBox(left: 3, top: 1.25, right: width - 0.5, bottom: height - 2),
                ] {
                    for size in [PixelSize(17, 20), PixelSize(upright.width, 9), PixelSize(11, 200), PixelSize(8, upright.height)] {
                        for filter in ResamplingFilter.allCases where filter != .area {
                            for compatibility in PillowCompatibility.allCases {
                                let expected = try upright.resampled(to: size, filter: filter, box: box, compatibility: compatibility)
                                let made = try picture.resampled(to: size, filter: filter, box: box, compatibility: compatibility)
                                #expect(made == expected, "\(index) \(size) \(filter) \(box)")
                            }
                        }
                    }
                }
            }
        }
    }

    @Test func refusesImpossibleBoxes() throws {
        let picture = try noise(10, 10, .rgb, seed: 1)
        for box in [
            PixelBox(left: -1, top: 0, right: 5, bottom: 5), PixelBox(left: 0, top: 0, right: 11, bottom: 5),
            PixelBox(left: 4, top: 0, right: 4, bottom: 5), PixelBox(left: 0, top: .nan, right: 4, bottom: 5),
        ] {
            #expect(throws: IsomerError.self) { try picture.resampled(to: PixelSize(3, 3), box: box) }
        }
        #expect(throws: IsomerError.self) { try picture.resampled(to: PixelSize(0, 3)) }
        #expect(throws: IsomerError.self) { try picture.resampled(to: PixelSize(3, 3), reducingGap: 0.5) }
    }
}
