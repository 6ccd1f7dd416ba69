import IsomerBytes
import IsomerFormats
import IsomerTensors
import Testing

@Suite struct ShardPlanTests {
    static let names: [String] = (try? Fixtures.files(in: "sharding", suffix: ".json")) ?? []

    @Test func goldensAreThere() {
        #expect(Self.names.count >= 12)
    }

    @Test(arguments: names) func splitsAsHuggingfaceHub(_ name: String) throws {
        let golden = JSONCursor(try JSONValue(parsing: Fixtures.bytes("sharding/" + name)))
        let tensors = try golden.required("sizes").elements().map { entry in
            let pair = try entry.elements()
            return try TensorDescriptor(name: pair[0].string(), scalarType: .u8, shape: Shape([pair[1].integer()]))
        }
        let naming = ShardNaming(
            stem: try golden.required("stem").string(), variant: try golden.optional("variant")?.string(),
            fileExtension: try golden.required("extension").string())
        let limit = try ShardPlan.byteCount(parsing: golden.required("limit").string())
        let plan = try ShardPlan(tensors, naming: naming, maximumShardByteCount: limit)

        let files = try golden.required("files").elements().map { try $0.elements() }
        #expect(try plan.shards.map(\.fileName) == files.map { try $0[0].string() })
        #expect(
            try plan.shards.map { $0.tensors.map { tensors[$0].name } } == files.map { try $0[1].elements().map { try $0.string() } })
        #expect(plan.isSharded == (files.count > 1))
        #expect(try naming.indexFileName == golden.required("index_name").string())
        let index = plan.indexBytes(parameterCount: try golden.optional("parameters")?.integer())
        #expect(try String(decoding: index, as: UTF8.self) == golden.required("index").string())
    }

    @Test func noTensorsMakeOneFile() throws {
        let plan = try ShardPlan([], naming: .transformers, maximumShardByteCount: 10)
        #expect(plan.shards.count == 1 && plan.shards[0].tensors.isEmpty && plan.totalByteCount == 0)
        #expect(plan.shards[0].fileName == "model.safetensors" && !plan.isSharded)
    }

    @Test(
        arguments: [
            ("5GB", 5_000_000_000), ("5gb", 5_000_000_000), (" 1.5 GB ", 1_500_000_000), ("200MB", 200_000_000), ("3KB", 3_000),
            ("1TB", 1_000_000_000_000),
            ("0.1GB", 100_000_000), ("12345", 12_345),
        ] as [(String, UInt64)]) func readsSizes(_ text: String, _ expected: UInt64) throws
    {
        #expect(try ShardPlan.byteCount(parsing: text) == expected)
    }

    @Test(arguments: [
        "", "GB", "5GiB", "5 PB", "-5GB", "0GB", "0", "-1", "5G B", "1e3GB", "1.2.3GB", "nanGB", "infGB", "5GBGB", "99999999999999TB",
        "0x5GB", "1_000MB", "1 0GB",
    ])
    func refusesSizes(_ text: String) {
        #expect(
            throws: IsomerError(
                .usage, "the size of a shard cannot be read", expected: "a number with TB, GB, MB or KB, as 5GB",
                found: text)
        ) { try ShardPlan.byteCount(parsing: text) }
    }

    @Test func namesAreUnique() throws {
        let tensor = try TensorDescriptor(name: "a", scalarType: .u8, shape: .scalar)
        #expect(throws: IsomerError(.usage, "two tensors have the same name", item: "a", remedy: "rename or drop one of them")) {
            try ShardPlan([tensor, tensor], naming: .diffusers)
        }
    }
}
