import IsomerBytes

extension SafetensorsRefusalTests {
    private static func malformed(
        _ what: String, _ item: String? = nil, at offset: UInt64, expected: String? = nil, found: String? = nil, remedy: String? = nil
    ) -> IsomerError {
        IsomerError(.malformed, what, item: item, byteOffset: offset, expected: expected, found: found, remedy: remedy)
    }

    private static let again = "the file is cut short or damaged: get it again"
    private static let types =
        "one of BOOL, F4, F6_E2M3, F6_E3M2, U8, I8, F8_E5M2, F8_E4M3, F8_E8M0, F8_E4M3FNUZ, F8_E5M2FNUZ, I16, U16, F16, BF16, I32, U32, F32, C64, F64, I64, U64"

    static let sizes: [Case] = [
        Case(
            "one byte", bytes: [2],
            malformed(
                "the file is too short for a safetensors file", at: 1, expected: "at least 8 bytes", found: "1 bytes",
                remedy: "get it again")),
        Case(
            "seven bytes", bytes: [2, 0, 0, 0, 0, 0, 0],
            malformed(
                "the file is too short for a safetensors file", at: 7, expected: "at least 8 bytes", found: "7 bytes",
                remedy: "get it again")),
        Case(
            "a length and nothing else", bytes: [2, 0, 0, 0, 0, 0, 0, 0],
            malformed("the header is longer than the file", at: 0, expected: "at most 0 bytes", found: "2 bytes", remedy: again)),
        Case("length zero", bytes: [UInt8](repeating: 0, count: 8), malformed("the header is empty", at: 0)),
        Case("length zero before data", bytes: [UInt8](repeating: 0, count: 16), malformed("the header is empty", at: 0)),
        Case(
            "header longer than the file", bytes: [3, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D],
            malformed("the header is longer than the file", at: 0, expected: "at most 2 bytes", found: "3 bytes", remedy: again)),
        Case(
            "header longer than the limit", bytes: [1, 0xE1, 0xF5, 5, 0, 0, 0, 0, 0x7B, 0x7D],
            malformed(
                "the header's length is beyond what safetensors allows, so this is no safetensors file or a damaged one", at: 0,
                expected: "at most 100000000 bytes", found: "100000001 bytes")),
        Case(
            "header of the greatest length", bytes: [UInt8](repeating: 0xFF, count: 8) + [0x7B, 0x7D],
            malformed(
                "the header's length is beyond what safetensors allows, so this is no safetensors file or a damaged one", at: 0,
                expected: "at most 100000000 bytes", found: "18446744073709551615 bytes")),
        Case(
            "length with the sign bit", bytes: [0, 0, 0, 0, 0, 0, 0, 0x80] + [0x7B, 0x7D],
            malformed(
                "the header's length is beyond what safetensors allows, so this is no safetensors file or a damaged one", at: 0,
                expected: "at most 100000000 bytes", found: "9223372036854775808 bytes")),
        Case(
            "length in the other byte order", bytes: [0, 0, 0, 0, 0, 0, 0, 2] + [0x7B, 0x7D],
            malformed(
                "the header's length is beyond what safetensors allows, so this is no safetensors file or a damaged one", at: 0,
                expected: "at most 100000000 bytes", found: "144115188075855872 bytes")),
    ]

    static let texts: [Case] = [
        Case("an array", "[]", malformed("the header is not a JSON object", at: 8, expected: "{")),
        Case("a string", "\"a\"", malformed("the header is not a JSON object", at: 8, expected: "{")),
        Case("null", "null", malformed("the header is not a JSON object", at: 8, expected: "{")),
        Case("cut short", "{\"a\":", malformed("the JSON text ends too early", "a", at: 13, expected: "a value")),
        Case("two objects", "{}{}", malformed("the JSON text is broken", at: 10, expected: "nothing more", found: "{")),
        Case("zeros behind", "{}\0\0", malformed("the JSON text is broken", at: 10, expected: "nothing more", found: "byte 0x00")),
        Case(
            "byte order mark", header: [0xEF, 0xBB, 0xBF, 0x7B, 0x7D],
            malformed("the JSON text starts with a byte order mark", at: 8, remedy: "save it as UTF-8 without a byte order mark")),
        Case(
            "UTF-16", header: [0xFF, 0xFE, 0x7B, 0, 0x7D, 0],
            malformed("the JSON text is UTF-16, not UTF-8", at: 8, remedy: "save it as UTF-8")),
        Case(
            "not UTF-8", header: Array("{\"a".utf8) + [0xC3] + Array("\":0}".utf8),
            malformed("a string is not UTF-8", at: 11, found: "byte 0xC3")),
        Case(
            "surrogate in UTF-8", header: Array("{\"".utf8) + [0xED, 0xA0, 0x80] + Array("\":0}".utf8),
            malformed("a string is not UTF-8", at: 10, found: "byte 0xED")),
        Case("half a surrogate pair", #"{"\ud800":0}"#, malformed("a string contains half of a surrogate pair", at: 10, found: "\\ud800")),
        Case(
            "line break in a name", "{\"a\nb\":0}",
            malformed("a string contains a control character that is not escaped", at: 11, found: "the end of the line")),
        Case(
            "zero byte in a name", "{\"a\0b\":0}",
            malformed("a string contains a control character that is not escaped", at: 11, found: "byte 0x00")),
        Case(
            "comma at the end", #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},}"#,
            malformed("the JSON text is broken", at: 61, expected: "a key in double quotes", found: "}")),
        Case("single quotes", "{'a':1}", malformed("the JSON text is broken", at: 9, expected: "a key in double quotes or }", found: "'")),
        Case("line break behind", "{}\n", malformed("the header is padded with something else than spaces", at: 10, found: "byte 0xA")),
        Case(
            "tab among the padding", "{} \t ", malformed("the header is padded with something else than spaces", at: 11, found: "byte 0x9")),
        Case(
            "too deep", "{\"a\":{\"shape\":" + String(repeating: "[", count: 200),
            malformed("an extent of the shape is not a number", "a", at: 23)),
    ]

    static let entries: [Case] = [
        Case("entry is null", #"{"a":null}"#, malformed("the entry of a tensor is not a JSON object", "a", at: 13)),
        Case(
            "entry is an array", #"{"a":["U8",[1],[0,1]]}"#, data: 1, malformed("the entry of a tensor is not a JSON object", "a", at: 13)),
        Case("entry is empty", #"{"a":{}}"#, malformed("the entry of a tensor lacks a field", "a", at: 13, expected: "dtype")),
        Case(
            "no type", #"{"a":{"shape":[1],"data_offsets":[0,1]}}"#, data: 1,
            malformed("the entry of a tensor lacks a field", "a", at: 13, expected: "dtype")),
        Case(
            "no shape", #"{"a":{"dtype":"U8","data_offsets":[0,1]}}"#, data: 1,
            malformed("the entry of a tensor lacks a field", "a", at: 13, expected: "shape")),
        Case(
            "no offsets", #"{"a":{"dtype":"U8","shape":[1]}}"#, data: 1,
            malformed("the entry of a tensor lacks a field", "a", at: 13, expected: "data_offsets")),
        Case(
            "another field", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"strides":[1]}}"#, data: 1,
            malformed(
                "the entry of a tensor has a field that safetensors does not know", "a", at: 60,
                expected: "dtype, shape, data_offsets", found: "strides")),
        Case(
            "type is a number", #"{"a":{"dtype":8,"shape":[1],"data_offsets":[0,1]}}"#, data: 1,
            malformed("the element type is not a string", "a", at: 22)),
        Case(
            "type in lower case", #"{"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}}"#, data: 4,
            IsomerError(
                .unsupported, "the element type is not one that safetensors has", item: "a", byteOffset: 22, expected: types, found: "f32")),
        Case(
            "type of PyTorch only", #"{"a":{"dtype":"C128","shape":[1],"data_offsets":[0,16]}}"#, data: 16,
            IsomerError(
                .unsupported, "the element type is not one that safetensors has", item: "a", byteOffset: 22, expected: types, found: "C128")
        ),
        Case(
            "shape is a number", #"{"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}}"#, data: 1,
            malformed("the shape is not an array", "a", at: 35)),
        Case(
            "shape is null", #"{"a":{"dtype":"U8","shape":null,"data_offsets":[0,1]}}"#, data: 1,
            malformed("the shape is not an array", "a", at: 35)),
        Case(
            "extent is a string", #"{"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}"#, data: 1,
            malformed("an extent of the shape is not a number", "a", at: 36)),
        Case(
            "extent is true", #"{"a":{"dtype":"U8","shape":[true],"data_offsets":[0,1]}}"#, data: 1,
            malformed("an extent of the shape is not a number", "a", at: 36)),
        Case(
            "extent is negative", #"{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}"#, data: 1,
            malformed("an extent of the shape is not a whole number that fits in 63 bits", "a", at: 36, found: "-1")),
        Case(
            "extent is minus zero", #"{"a":{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}}"#,
            malformed("an extent of the shape is not a whole number that fits in 63 bits", "a", at: 36, found: "-0")),
        Case(
            "extent has a fraction", #"{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}"#, data: 1,
            malformed("an extent of the shape is not a whole number that fits in 63 bits", "a", at: 36, found: "1.0")),
        Case(
            "extent has an exponent", #"{"a":{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}}"#, data: 1,
            malformed("an extent of the shape is not a whole number that fits in 63 bits", "a", at: 36, found: "1e0")),
        Case(
            "extent has a leading zero", #"{"a":{"dtype":"U8","shape":[01],"data_offsets":[0,1]}}"#, data: 1,
            malformed("a number starts with a zero that does not count", "a", at: 36)),
        Case(
            "extent beyond 63 bits", #"{"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]}}"#, data: 1,
            malformed("an extent of the shape is not a whole number that fits in 63 bits", "a", at: 36, found: "9223372036854775808")),
        Case(
            "extent beyond 64 bits", #"{"a":{"dtype":"U8","shape":[18446744073709551617],"data_offsets":[0,1]}}"#, data: 1,
            malformed("an extent of the shape is not a whole number that fits in 63 bits", "a", at: 36, found: "18446744073709551617")),
        Case(
            "too many elements", #"{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#,
            malformed("a shape has more elements than memory can address", "a", at: 35, found: "[4294967296, 4294967296]")),
        Case(
            "too many elements before a zero", #"{"a":{"dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}"#,
            malformed("a shape has more elements than memory can address", "a", at: 35, found: "[4294967296, 4294967296, 0]")),
        Case(
            "too many bytes", #"{"a":{"dtype":"F64","shape":[1152921504606846976],"data_offsets":[0,0]}}"#,
            malformed("the tensor has more bytes than memory can address", "a", at: 36, found: "[1152921504606846976]")),
        Case(
            "half a byte", #"{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}"#, data: 2,
            malformed("the tensor's elements do not fill whole bytes", "a", at: 35, found: "F4 [3]")),
        Case(
            "six bits", #"{"a":{"dtype":"F6_E2M3","shape":[3],"data_offsets":[0,3]}}"#, data: 3,
            malformed("the tensor's elements do not fill whole bytes", "a", at: 40, found: "F6_E2M3 [3]")),
        Case(
            "too many dimensions", #"{"a":{"dtype":"U8","shape":["# + String(repeating: "1,", count: 64) + #"1],"data_offsets":[0,1]}}"#,
            data: 1,
            IsomerError(.limitExceeded, "the tensor has too many dimensions", item: "a", byteOffset: 35, expected: "at most 64")),
    ]

    static let offsets: [Case] = [
        Case(
            "offsets are a number", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":1}}"#, data: 1,
            malformed("data_offsets are not an array", "a", at: 54)),
        Case(
            "no offset", #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[]}}"#, malformed("data_offsets are not two numbers", "a", at: 55)),
        Case(
            "one offset", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}"#, data: 1,
            malformed("data_offsets are not two numbers", "a", at: 56)),
        Case(
            "three offsets", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}}"#, data: 1,
            malformed("data_offsets are not two numbers", "a", at: 59)),
        Case(
            "offsets are strings", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":["0","1"]}}"#, data: 1,
            malformed("data_offsets are not two numbers", "a", at: 55)),
        Case(
            "offset is negative", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}"#, data: 1,
            malformed("one of data_offsets is not a whole number that fits in 64 bits", "a", at: 55, found: "-1")),
        Case(
            "offset has a fraction", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1.0]}}"#, data: 1,
            malformed("one of data_offsets is not a whole number that fits in 64 bits", "a", at: 57, found: "1.0")),
        Case(
            "offset beyond 64 bits", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,18446744073709551616]}}"#, data: 1,
            malformed("one of data_offsets is not a whole number that fits in 64 bits", "a", at: 57, found: "18446744073709551616")),
        Case(
            "offsets wrap around", #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[18446744073709551615,1]}}"#, data: 2,
            malformed(
                "type and shape of the tensor do not fit its data", "a", at: 54, expected: "2 bytes for U8 [2]",
                found: "data_offsets [18446744073709551615, 1]")),
        Case(
            "end before begin", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}"#, data: 1,
            malformed(
                "type and shape of the tensor do not fit its data", "a", at: 54, expected: "1 bytes for U8 [1]",
                found: "data_offsets [1, 0]")),
        Case(
            "too few bytes", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,3]}}"#, data: 3,
            malformed(
                "type and shape of the tensor do not fit its data", "a", at: 55, expected: "4 bytes for F32 [1]",
                found: "data_offsets [0, 3]")),
        Case(
            "too many bytes", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,5]}}"#, data: 5,
            malformed(
                "type and shape of the tensor do not fit its data", "a", at: 55, expected: "4 bytes for F32 [1]",
                found: "data_offsets [0, 5]")),
        Case(
            "scalar without bytes", #"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,0]}}"#,
            malformed(
                "type and shape of the tensor do not fit its data", "a", at: 54, expected: "4 bytes for F32 []",
                found: "data_offsets [0, 0]")),
        Case(
            "gap at the start", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#, data: 2,
            malformed("the data has a gap before the tensor's", "a", at: 9, expected: "data_offsets from 0", found: "1")),
        Case(
            "gap between", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}"#,
            data: 3,
            malformed("the data has a gap before the tensor's", "b", at: 61, expected: "data_offsets from 1", found: "2")),
        Case(
            "overlap", #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
            data: 3,
            malformed("the tensor's data overlaps another tensor's", "b", at: 61, expected: "data_offsets from 2", found: "1")),
        Case(
            "two tensors in one place",
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, data: 2,
            malformed("the tensor's data overlaps another tensor's", "b", at: 61, expected: "data_offsets from 2", found: "0")),
        Case(
            "empty tensor within another",
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}"#, data: 2,
            malformed("the tensor's data overlaps another tensor's", "b", at: 61, expected: "data_offsets from 2", found: "1")),
        Case(
            "empty tensor beyond the data", #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[5,5]}}"#, data: 5,
            malformed("the data has a gap before the tensor's", "a", at: 9, expected: "data_offsets from 0", found: "5")),
        Case(
            "data cut short", #"{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}"#, data: 8,
            malformed("the file ends before the tensor's data", "a", at: 69, expected: "9 bytes of data", found: "8", remedy: again)),
        Case(
            "data far beyond the file", #"{"a":{"dtype":"U8","shape":[576460752303423488],"data_offsets":[0,576460752303423488]}}"#,
            malformed(
                "the file ends before the tensor's data", "a", at: 95, expected: "576460752303423488 bytes of data", found: "0",
                remedy: again)),
        Case(
            "bytes behind", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, data: 2,
            malformed("the file has bytes that belong to no tensor", at: 62, expected: "1 bytes of data", found: "2")),
        Case(
            "bytes without tensors", "{}", data: 1,
            malformed("the file has bytes that belong to no tensor", at: 10, expected: "0 bytes of data", found: "1")),
    ]

    static let duplicates: [Case] = [
        Case(
            "a name twice", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
            data: 1,
            malformed("a name comes twice in the header", "a", at: 61)),
        Case(
            "a name twice, once escaped",
            #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#, data: 2,
            malformed("a name comes twice in the header", "a", at: 61)),
        Case(
            "type twice", #"{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, data: 1,
            malformed("a field comes twice in the entry of a tensor", "a", at: 27, found: "dtype")),
        Case(
            "shape twice", #"{"a":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}}"#, data: 1,
            malformed("a field comes twice in the entry of a tensor", "a", at: 39, found: "shape")),
        Case(
            "offsets twice", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"data_offsets":[0,1]}}"#, data: 1,
            malformed("a field comes twice in the entry of a tensor", "a", at: 60, found: "data_offsets")),
        Case(
            "metadata twice", #"{"__metadata__":{},"__metadata__":{}}"#,
            malformed("a name comes twice in the header", "__metadata__", at: 27)),
        Case(
            "a metadata key twice", #"{"__metadata__":{"k":"v","k":"v"}}"#,
            malformed("a key comes twice in the metadata", "__metadata__.k", at: 33)),
    ]

    static let metadata: [Case] = [
        Case("metadata are a string", #"{"__metadata__":"pt"}"#, malformed("the metadata are not a JSON object", "__metadata__", at: 24)),
        Case("metadata are null", #"{"__metadata__":null}"#, malformed("the metadata are not a JSON object", "__metadata__", at: 24)),
        Case("metadata are an array", #"{"__metadata__":[]}"#, malformed("the metadata are not a JSON object", "__metadata__", at: 24)),
        Case(
            "metadata with a number", #"{"__metadata__":{"k":1}}"#,
            malformed("the metadata may hold nothing but strings", "__metadata__.k", at: 29)),
        Case(
            "metadata with null", #"{"__metadata__":{"k":null}}"#,
            malformed("the metadata may hold nothing but strings", "__metadata__.k", at: 29)),
        Case(
            "metadata with an object", #"{"__metadata__":{"k":{}}}"#,
            malformed("the metadata may hold nothing but strings", "__metadata__.k", at: 29)),
        Case(
            "metadata as a tensor", #"{"__metadata__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, data: 1,
            malformed("the metadata may hold nothing but strings", "__metadata__.shape", at: 46)),
    ]

    static let otherFormats: [Case] = [
        Case("empty", bytes: [], malformed("the file is empty", at: 0, expected: "a safetensors file", remedy: "download it again")),
        Case(
            "git-lfs pointer", bytes: Array("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4265146304\n".utf8),
            malformed(
                "this is a git-lfs pointer, not the file that it stands for", at: 0, expected: "a safetensors file",
                remedy: "run `git lfs pull` in its folder, or download the file itself")),
        Case(
            "web page", bytes: Array("\n<!DOCTYPE html>\n<html><head><title>401</title>".utf8),
            malformed(
                "this is a web page", at: 0, expected: "a safetensors file",
                remedy: "the download brought an answer instead of the file (not logged in, or a wrong address): download it again")),
        Case(
            "an answer in words", bytes: Array("Entry not found".utf8),
            malformed(
                "this is a plain text", at: 0, expected: "a safetensors file",
                remedy: "the download brought an answer instead of the file (not logged in, or a wrong address): download it again")),
        Case(
            "pickle", bytes: [0x80, 2, 0x7D, 0x71, 0, 0x2E] + [UInt8](repeating: 0x41, count: 8),
            malformed("this is a Python pickle", at: 0, expected: "a safetensors file")),
        Case(
            "zip archive", bytes: Array("PK\u{3}\u{4}\u{14}\0\0\0\0\0".utf8) + [UInt8](repeating: 0, count: 30),
            malformed(
                "this is a zip archive", at: 0, expected: "a safetensors file",
                remedy: "unpack it first, and mind that what comes out may be unsafe")),
        Case(
            "GGUF", bytes: Array("GGUF\u{3}\0\0\0".utf8) + [UInt8](repeating: 0, count: 16),
            malformed(
                "this is a GGUF file", at: 0, expected: "a safetensors file",
                remedy: "make a safetensors file of it first, with `isomer convert`")),
    ]
}
