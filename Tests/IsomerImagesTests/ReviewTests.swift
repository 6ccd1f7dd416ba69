import IsomerBytes
import Testing

@testable import IsomerImages

@Suite("Review")
struct ReviewTests {
    private static func records(_ job: PreparationJob) throws -> [JSONValue] {
        var records: [JSONValue] = []
        _ = try PreparationRunner(job).run(report: { (record: JSONValue) throws(IsomerError) in records.append(record) })
        return records
    }

    /// A page made of a second run begins with what was decided in the first, so that saving it again loses nothing.
    @Test func decisionsComeBack() throws {
        let scratch = try BatchTests.photos()
        var job = BatchTests.job(scratch)
        job.overrides = [
            "photo1.png": PictureOverride(isExcluded: true), "photo2.png": PictureOverride(focus: .point(x: 0.25, y: 1)),
            "photo4.png": PictureOverride(
                focus: .boxes([PixelBox(left: 1, top: 2, right: 30.5, bottom: 40)]), caption: "</script><b>\u{2028}"),
            "photo5.png": PictureOverride(
                focus: .boxes([PixelBox(left: 0, top: 0, right: 9, bottom: 9), PixelBox(left: 20, top: 0, right: 29, bottom: 9)])),
        ]
        let sheet = try ReviewSheet(job, records: Self.records(job), title: "set")
        let page = String(decoding: sheet.html(), as: UTF8.self)
        #expect(page.ranges(of: "</script>").count == 2)
        let start = try #require(page.firstRange(of: "id=\"data\">")).upperBound
        let end = try #require(page[start...].firstRange(of: "</script>")).lowerBound
        let data = try JSONValue(parsing: Array(page[start..<end].utf8))
        let decided = JSONWriter().bytes(try #require(data["overrides"]))
        #expect(try PictureOverride.read(decided) == job.overrides)
    }

    /// What is cut away is dark, and the pictures get smaller the more there are.
    @Test func contactSheet() throws {
        let scratch = try Scratch()
        let white = try Bitmap(width: 400, height: 200, channels: .rgb, bytes: [UInt8](repeating: 255, count: 400 * 200 * 3))
        try scratch.write("in/a.png", PNGEncoder.encode(white))
        var job = BatchTests.job(scratch)
        let records = try Self.records(job)
        let one = try ReviewSheet(job, records: records, title: "").contactSheet()
        #expect(one.size == PixelSize(200, 200))
        func gray(_ x: Int, _ y: Int, _ sheet: Bitmap) -> Int { Int(sheet.bytes[(y * sheet.width + x) * 3]) }
        #expect(gray(100, 100, one) > 250 && abs(gray(20, 100, one) - 102) < 4 && gray(52, 100, one) == 0 && gray(100, 20, one) == 32)
        job.isDryRun = true
        let many = try ReviewSheet(job, records: Array(repeating: records[0], count: 1300), title: "").contactSheet()
        #expect(many.size == PixelSize(19 * 104, 69 * 104))
    }
}
