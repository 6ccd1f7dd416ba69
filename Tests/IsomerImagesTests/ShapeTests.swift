import IsomerBytes
import Testing

@testable import IsomerImages

@Suite("Shapes")
struct ShapeTests {
    /// Every case of `buckets.txt`: the trainers' own arithmetic.
    @Test func bucketsEqualTheTrainers() throws {
        let cases = try lines(of: Fixtures["images/buckets.txt"])
        #expect(cases.count > 600)
        for words in cases {
            let numbers = words.dropFirst().compactMap { Double($0) }.map { Int($0) }
            func scheme() -> BucketScheme? {
                switch words[0] {
                case "kohya":
                    .kohya(resolution: PixelSize(numbers[0], numbers[1]), minimum: numbers[2], maximum: numbers[3], step: numbers[4])
                case "kohya-no-upscale": .kohyaNoUpscale(resolution: PixelSize(numbers[0], numbers[1]), step: numbers[2])
                case "onetrainer": .oneTrainer(resolution: numbers[0], step: numbers[1])
                case "ai-toolkit": .aiToolkit(resolution: numbers[0], step: numbers[1])
                case "autosized":
                    .autoSized(sides: numbers[0]...numbers[1], area: numbers[2]...numbers[3], prefersArea: numbers[4] == 1, threshold: 0.1)
                default: nil
                }
            }
            let tail = Array(numbers.suffix(6))
            let choice = try #require(scheme()).choice(for: PixelSize(tail[0], tail[1]))
            let expected = tail[2] == 0 ? nil : BucketChoice(size: PixelSize(tail[2], tail[3]), scaled: PixelSize(tail[4], tail[5]))
            #expect(choice == expected, "\(words)")
        }
    }

    @Test func schemesSurviveNonsense() {
        for scheme in [
            BucketScheme.kohya(resolution: PixelSize(0, 0), minimum: 0, maximum: -1, step: 0),
            .kohyaNoUpscale(resolution: PixelSize(0, 0), step: 0),
            .oneTrainer(resolution: 0, step: 0), .aiToolkit(resolution: 0, step: 0),
            .kohyaNoUpscale(resolution: PixelSize(64, 64), step: 64),
            .aiToolkit(resolution: 64, step: 64), .oneTrainer(resolution: 16, step: 64),
        ] {
            for size in [PixelSize(0, 0), PixelSize(1, 1), PixelSize(1, 60000), PixelSize(60000, 1)] { _ = scheme.choice(for: size) }
        }
    }

    @Test func noUpscaling() throws {
        var rules = ShapeRules()
        rules.allowsUpscaling = false
        rules.multiple = 64
        #expect(try rules.choice(.fixed(PixelSize(512, 512)), for: PixelSize(400, 300)).size == PixelSize(256, 256))
        #expect(try rules.choice(.fixed(PixelSize(512, 512)), for: PixelSize(512, 600)).size == PixelSize(512, 512))
        #expect(throws: IsomerError.self) { try rules.choice(.fixed(PixelSize(512, 512)), for: PixelSize(63, 300)) }
        rules.minimumSide = 100
        rules.maximumAspect = 2
        #expect(rules.refusal(of: PixelSize(99, 100)) == "its shorter side has 99 pixels, fewer than 100")
        #expect(rules.refusal(of: PixelSize(100, 201)) == "it is 2.01 times as long as wide, more than 2")
        #expect(rules.refusal(of: PixelSize(100, 200)) == nil)
    }

    @Test func splitsCoverThePicture() throws {
        #expect(try Splitting.boxes(of: PixelSize(500, 500), into: PixelSize(512, 512)).count == 1)
        #expect(try Splitting.boxes(of: PixelSize(500, 700), into: PixelSize(512, 512)).count == 1)
        for (picture, count) in [(PixelSize(500, 1000), 3), (PixelSize(500, 3000), 8), (PixelSize(3000, 500), 8)] {
            let boxes = try Splitting.boxes(of: picture, into: PixelSize(512, 512))
            #expect(boxes.count == count)
            #expect(boxes.first?.left == 0 && boxes.first?.top == 0)
            #expect(
                abs((boxes.last?.right ?? 0) - Double(picture.width)) <= 1 && abs((boxes.last?.bottom ?? 0) - Double(picture.height)) <= 1)
            for (a, b) in zip(boxes, boxes.dropFirst()) {
                let shared = a.intersection(b)
                #expect(shared.width * shared.height >= 0.19 * a.area)
            }
        }
    }

    /// A picture of one column and 65,500 rows takes a kilobyte, and would be split into as many files as one likes.
    @Test(arguments: [0.2, 0.9, 0.999_999_999_999_999_9]) func thereAreOnlySoManyParts(overlap: Double) throws {
        let wanted = error {
            _ = try Splitting.boxes(of: PixelSize(1, 65_500), into: PixelSize(512, 512), overlap: overlap)
        }
        #expect(wanted?.code == .limitExceeded && wanted?.expected == "at most 1000")
        var limits = Limits()
        limits.pictureParts = 100_000
        if overlap == 0.2 {
            #expect(try Splitting.boxes(of: PixelSize(1, 65_500), into: PixelSize(8, 8), overlap: 0.2, limits: limits).count == 81_875)
        }
    }

    @Test func captionsFromNames() {
        #expect(NameCaption.ofFile(stem: "sks dog (12)") == "sks dog")
        #expect(NameCaption.ofFile(stem: "my_new_dog_003") == "my new dog")
        #expect(NameCaption.ofFile(stem: "conceptimagedb_old-time dog٣ v1.5") == "oldtime dog v.")
        // The examples of captionizer's own documentation, with "randoguy" as token and "person" as class.
        for (name, caption) in [
            ("img-001.jpg", nil), ("joepenna/img-001.jpg", "joepenna person"), ("joepenna/man/img-001.jpg", "joepenna man"),
            ("joepenna/person/img-001@a_picture_of_S.jpg", "a picture of joepenna"),
            ("joepenna/dude/img-001@S_the_C_hanging_out_by_the_pool.jpg", "joepenna the dude hanging out by the pool"),
            ("joepenna/dude/a_picture_of_S_being_a_C/img-001@as_a_C_can_be.jpg", "a picture of joepenna being a dude as a dude can be"),
            ("joepenna/dude/a picture of S being a C/img-001@as a C can be.jpg", "a picture of joepenna being a dude as a dude can be"),
            ("joepenna/dude/a_photo_of_S_milling_about/img-001.jpg", "a photo of joepenna milling about"),
            ("img-001@S_being_a_handsome_C.jpg", "randoguy being a handsome person"),
            ("effy/person/a picture of/img-001.jpg", "a picture of effy person"), ("001@a close photo@2.png", "a close photo"),
        ] as [(String, String?)] {
            #expect(NameCaption.behindAt(name: name, token: "randoguy", classWord: "person") == caption, "\(name)")
        }
        #expect(NameCaption.behindAt(name: "1@a S.png", token: nil, classWord: nil) == "a")
        #expect(NameCaption.ofFolder("10_sks dog") == (10, "sks dog"))
        #expect(NameCaption.ofFolder("dogs") == (nil, "dogs"))
    }

    /// What is in the way is said, and which option takes it away.
    @Test func picturesWithoutABucket() throws {
        var rules = ShapeRules()
        (rules.allowsUpscaling, rules.multiple) = (false, 64)
        let free = BucketScheme.kohyaNoUpscale(resolution: PixelSize(512, 512), step: 64)
        for (scheme, picture, what, remedy) in [
            (free, PixelSize(100, 30), "too small", "--min-side"), (free, PixelSize(20_000, 200), "so long", "--max-aspect"),
            (
                .autoSized(sides: 384...768, area: 4096...409_600, prefersArea: true, threshold: 0.1), PixelSize(300, 30), "shape",
                "--max-aspect"
            ),
            (.kohya(resolution: PixelSize(32, 32), minimum: 256, maximum: 1024, step: 64), PixelSize(300, 300), "so few", "--bucket-step"),
            (.aiToolkit(resolution: 512, step: 64), PixelSize(50, 300), "too small", "--min-side"),
        ] as [(BucketScheme, PixelSize, String, String)] {
            let error = #expect(throws: IsomerError.self) { try rules.choice(.buckets(scheme), for: picture) }
            #expect(error?.what.contains(what) == true && error?.remedy?.contains(remedy) == true, "\(String(describing: error))")
        }
    }

    @Test func captionRules() {
        var rules = CaptionRules()
        rules.token = "sks"
        rules.classWord = "dog"
        #expect(rules.applied(to: "a dog on a bench\nsecond line") == "a sks dog on a bench")
        #expect(rules.applied(to: "a dogma") == "sks dog, a dogma")
        #expect(rules.applied(to: "sks dog in the snow") == "sks dog in the snow")
        #expect(rules.applied(to: nil) == "sks dog")
        rules = CaptionRules()
        rules.prefix = "photo of "
        rules.replacements = [.init("cat", "kitten")]
        #expect(rules.applied(to: " a cat ") == "photo of a kitten")
        rules = CaptionRules()
        #expect(rules.applied(to: nil) == nil)
    }
}
