import Testing

@testable import IsomerCommands

@Suite struct RenderingTests {
    @Test func numbersAreForPeople() {
        #expect(Numbers.grouped(1_234_567) == "1,234,567")
        #expect(Numbers.grouped(-999) == "-999")
        #expect(Numbers.grouped(Int.min) == "-9,223,372,036,854,775,808")
        #expect(Numbers.bytes(4_265_380_512) == "4.27 GB")
        #expect(Numbers.bytes(999) == "999 B")
        #expect(Numbers.bytes(999_950) == "1.00 MB")
        #expect(Numbers.bytes(12_040) == "12.0 kB")
        #expect(Numbers.count(1_066_235_307) == "1.07 billion")
        #expect(Numbers.count(859_520_964) == "859.5 million")
        #expect(Numbers.count(1, "tensor") == "1 tensor")
        #expect(Numbers.count(1130, "tensor") == "1,130 tensors")
        #expect(Numbers.rate(bytes: 3_460_000_000, seconds: 2) == "1.73 GB/s")
    }

    @Test func durationsFitTheirLength() {
        #expect(Numbers.duration(0.0123) == "0.012 s")
        #expect(Numbers.duration(0.42) == "0.42 s")
        #expect(Numbers.duration(3.14) == "3.1 s")
        #expect(Numbers.duration(59.4) == "59 s")
        #expect(Numbers.duration(187) == "3:07 min")
        #expect(Numbers.duration(3723) == "1:02:03 h")
        #expect(Numbers.duration(.infinity) == "–")
    }

    @Test func measuredValuesKeepTheirDigits() {
        #expect(Numbers.significant(0.012345) == "0.01235")
        #expect(Numbers.significant(1.234e-7) == "1.234e-07")
        #expect(Numbers.significant(9.99996) == "10")
        #expect(Numbers.significant(-3.5) == "-3.5")
        #expect(Numbers.significant(123456) == "123456")
        #expect(Numbers.significant(6.5504e30) == "6.55e+30")
        #expect(Numbers.significant(.nan) == "nan")
        #expect(Numbers.significant(-.infinity) == "-inf")
        #expect(Numbers.significant(0) == "0")
        #expect(Numbers.significant(.leastNonzeroMagnitude) == "4.941e-324")
    }

    @Test func tablesAreSetInColumnsAndGiveWay() {
        var table = Table([.init("name", flexible: true), .init("size", .right)])
        table.append(["input_blocks.0.0.weight", "11,520"])
        table.append(["日本\u{1B}", "7"])
        #expect(
            table.render(columns: nil) == """
                name                       size
                input_blocks.0.0.weight  11,520
                日本\\u{1b}                    7

                """)
        #expect(
            table.render(columns: 24) == """
                name                size
                input_bl….weight  11,520
                日本\\u{1b}             7

                """)
    }

    @Test func shorteningKeepsBothEnds() {
        #expect(shortened("abcdefghij", columns: 10) == "abcdefghij")
        #expect(shortened("abcdefghij", columns: 7) == "abc…hij")
        #expect(shortened("日本語日本語", columns: 6) == "日…語")
        #expect(shortened("abc", columns: 0) == "")
    }

    @Test func aReportEscapesWhatItIsGiven() {
        var report = Report(for: Terminal(columns: 80, showsColor: true))
        report.heading("a\u{1B}[2J")
        report.field("size", "1 GB")
        report.field("a longer label", "x\ny")
        report.list("dropped", ["one", "two", "three"], limit: 2)
        #expect(
            report.finish() == """
                \u{1B}[1ma\\u{1b}[2J\u{1B}[0m
                  \u{1B}[2msize\u{1B}[0m            1 GB
                  \u{1B}[2ma longer label\u{1B}[0m  x\\u{a}y
                \u{1B}[1mdropped\u{1B}[0m
                  one
                  two
                \u{1B}[2m  and 1 more\u{1B}[0m

                """)
    }

    @Test func progressFitsTheTerminal() {
        let line = ProgressBar.line("Writing", done: 1_800_000_000, total: 4_270_000_000, seconds: 1.04, columns: 100)
        #expect(line == "Writing   42%  [################-----------------------]  1.80 GB of 4.27 GB  1.73 GB/s  1.4 s left")
        let steps = ProgressBar.line(
            "Making 2", done: 5, total: 20, unit: .items("steps"), seconds: 41.5, memory: 2_140_000_000, columns: 90)
        #expect(steps == "Making 2   25%  [####---------------]  5 of 20  8.3 s each  2:05 min left  memory 2.14 GB")
        for columns in 1..<120 {
            #expect(ProgressBar.line("Writing", done: 1, total: 3, seconds: 1, columns: columns).count <= max(1, columns - 1))
        }
        #expect(ProgressBar.line("Writing", done: 0, total: 0, seconds: 0, columns: 80).contains("100%"))
    }
}
