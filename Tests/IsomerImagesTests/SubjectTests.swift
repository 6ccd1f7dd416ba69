import CKernels
import IsomerBytes
import Testing

@testable import IsomerImages

@Suite("Subjects")
struct SubjectTests {
    /// Subjects set into other pictures at known places: the square crop keeps them, and lies where the ideal one would.
    @Test func findsComposedSubjects() throws {
        let folder = Fixtures["images/subjects"]
        var (kept, overlap, count) = (0.0, 0.0, 0.0)
        var report: [String] = []
        for words in try lines(of: folder.appending("cases.txt")) {
            let picture = try ImageDecoder.decode(folder.appending(words[0])).bitmap
            let sides = words[2...].compactMap { Double($0) }
            let truth = PixelBox(left: sides[0], top: sides[1], right: sides[2], bottom: sides[3])
            let size = PixelSize(256, 256)
            let subject = try SubjectFinder().subject(in: picture, aspect: 1)
            let crop = CropPlan.covering(picture.size, size: size, subject: subject.box).box
            let ideal = CropPlan.covering(picture.size, size: size, subject: truth).box
            let common = max(0, crop.intersection(ideal).width) * max(0, crop.intersection(ideal).height)
            let inside = truth.intersection(crop)
            let share = max(0, inside.width) * max(0, inside.height) / truth.area
            let union = common / (crop.area + ideal.area - common)
            kept += share
            overlap += union
            count += 1
            report.append(
                "\(words[0]) \(subject.kind) votes \(subject.detections.first?.votes ?? 0): kept \((share * 1000).rounded() / 1000), overlap \((union * 1000).rounded() / 1000)"
            )
        }
        #expect(kept / count >= 0.95, "\(report)")
        #expect(overlap / count >= 0.93, "\(report)")
    }

    /// The vector scans find the baseline's windows with its scores, whatever the width and the step.
    @Test func scansAgree() throws {
        let photo = try ImageDecoder.decode(Fixtures["images/subjects/00-face-gradient.jpg"]).bitmap.gray()
        let face = try photo.cropped(x: 14, y: 99, width: 141, height: 174)
        var found = 0
        for cascade in [Cascade.frontalFace, .profileFace, .catFace] {
            let detector = CascadeDetector(try #require(cascade))
            for (width, height) in [(20, 34), (24, 30), (29, 36), (41, 51), (64, 79), (103, 127)] {
                let picture = try face.resampled(to: PixelSize(width, height), filter: .bilinear)
                guard width >= detector.cascade.window.width, height >= detector.cascade.window.height else { continue }
                for step: Int32 in [1, 2, 3] {
                    func scan(_ level: isomer_level) throws -> [String] {
                        try detector.scan(picture, step: step, level: level).map { "\($0.x) \($0.y) \($0.score)" }
                    }
                    let plain = try scan(ISOMER_LEVEL_BASELINE)
                    found += plain.count
                    for level in [ISOMER_LEVEL_AVX2, ISOMER_LEVEL_AVX512] where isomer_level_supported(level) {
                        #expect(try scan(level) == plain, "\(width)x\(height), step \(step)")
                    }
                }
            }
        }
        #expect(found > 5)
    }

    /// Faces of a twentieth to a twelfth of the longer side on a busy ground: few windows are sure of them, and most are found.
    @Test func smallFacesAreFound() throws {
        let photo = try ImageDecoder.decode(Fixtures["images/subjects/00-face-gradient.jpg"]).bitmap
        let face = try photo.cropped(x: 14, y: 99, width: 141, height: 174)
        var found = 0
        for number in 0..<12 {
            let width = 110 + 12 * (number % 6)
            let small = try face.resampled(to: PixelSize(width, width * 174 / 141))
            var canvas = try scene(1200, 700, seed: UInt64(number + 1))
            let (left, top) = (83 * number, 37 * number)
            let bytes = small.bytes
            canvas.withUnsafeMutableBytes { target in
                for y in 0..<small.height {
                    for i in 0..<3 * width { target[((top + y) * 1200 + left) * 3 + i] = bytes[y * 3 * width + i] }
                }
            }
            let subject = try SubjectFinder().subject(in: canvas, aspect: 1)
            let middle = subject.box.centre
            let isInside = (left...left + width).contains(Int(middle.x)) && (top...top + small.height).contains(Int(middle.y))
            if subject.kind == .face, isInside, subject.detections.count == 1 { found += 1 }
        }
        #expect(found >= 8)
    }

    /// Of faces that do not fit into one crop, those count that together are the largest.
    @Test func largestGroupOfFaces() {
        func box(_ left: Double, _ side: Double) -> PixelBox { PixelBox(left: left, top: 10, right: left + side, bottom: 10 + side) }
        func group(_ boxes: [PixelBox]) -> [PixelBox] { SubjectFinder.largestGroup(boxes, within: (width: 500, height: 500)) }
        #expect(group([box(0, 100), box(300, 90)]) == [box(0, 100), box(300, 90)])
        #expect(group([box(0, 100), box(700, 90), box(850, 80)]) == [box(700, 90), box(850, 80)])
        #expect(group([box(0, 100), box(700, 90)]) == [box(0, 100)])
        #expect(group([box(0, 600), box(700, 90)]) == [box(0, 600)])
        #expect(group([]).isEmpty)
    }

    @Test func bundledCascadesAreThere() throws {
        #expect(Cascade.frontalFace?.window == PixelSize(24, 24))
        #expect(Cascade.profileFace?.window == PixelSize(20, 34))
        #expect(Cascade.catFace?.window == PixelSize(24, 24))
    }

    @Test func flatPictureHasNoSubject() throws {
        let flat = try Bitmap(width: 300, height: 200, channels: .rgb, bytes: [UInt8](repeating: 90, count: 300 * 200 * 3))
        let subject = try SubjectFinder().subject(in: flat, aspect: 1)
        #expect(subject.kind == .centre)
        #expect(
            CropPlan.covering(flat.size, size: PixelSize(64, 64), subject: subject.box).box
                == PixelBox(left: 50, top: 0, right: 250, bottom: 200))
        _ = try SubjectFinder().subject(in: Bitmap(width: 1, height: 1, channels: .gray, bytes: [0]), aspect: 1)
        _ = try SubjectFinder().subject(in: noise(1, 300, .rgb, seed: 1), aspect: 2)
    }

    @Test func cropsStayInside() throws {
        var dice = Dice(77)
        for _ in 0..<3000 {
            let picture = PixelSize(1 + dice.below(5000), 1 + dice.below(5000))
            let size = PixelSize(1 + dice.below(1024), 1 + dice.below(1024))
            let (x, y) = (Double(dice.below(6000)) - 500, Double(dice.below(6000)) - 500)
            let subject = PixelBox(left: x, top: y, right: x + Double(dice.below(900)), bottom: y + Double(dice.below(900)))
            for plan in [
                CropPlan.covering(picture, size: size, subject: subject), CropPlan.around(subject, in: picture, size: size, margin: 0.4),
            ] where subject.area > 0 {
                #expect(
                    plan.box.left >= 0 && plan.box.top >= 0 && plan.box.right <= Double(picture.width)
                        && plan.box.bottom <= Double(picture.height))
                #expect(plan.box.width > 0 && plan.box.height > 0)
                #expect(abs(plan.box.width / plan.box.height / size.aspect - 1) < 1e-6)
            }
        }
    }

    /// Damaged cascades are refused, whatever is wrong with them.
    @Test func refusesBrokenCascades() throws {
        let good = """
            <?xml version="1.0"?><opencv_storage><cascade><stageType>BOOST</stageType><featureType>LBP</featureType><height>24</height>
            <width>24</width><stages><_><stageThreshold>0.5</stageThreshold><weakClassifiers><_><internalNodes>0 -1 0 1 2 3 4 5 6 7 8</internalNodes>
            <leafValues>-1 1</leafValues></_></weakClassifiers></_></stages><features><_><rect>0 0 8 8</rect></_></features></cascade></opencv_storage>
            """
        _ = try Cascade(xml: Array(good.utf8))
        for (old, new) in [
            ("LBP", "HOG"), ("<height>24", "<height>2400000"), ("0 0 8 8", "0 0 9 8"), ("0 0 8 8", "0 0 8"), ("0 -1 0", "0 -1 1"),
            ("0 -1 0", "0 -9 0"), ("0 -1 0", "0 1e99 0"), ("-1 1<", "-1<"), ("</features>", ""),
            ("<?xml version=\"1.0\"?>", "<!DOCTYPE a>"),
            ("0.5", "nan"), ("<stages>", "<stages/>"),
        ] {
            let text = good.replacing(old, with: new)
            #expect(text != good)
            #expect(throws: IsomerError.self, "\(new)") { try Cascade(xml: Array(text.utf8)) }
        }
        #expect(throws: IsomerError.self) { try Cascade(xml: Array(String(repeating: "<a>", count: 100_000).utf8)) }
        #expect(throws: IsomerError.self) { try Cascade(xml: []) }
    }
}
