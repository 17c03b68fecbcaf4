import MailCore
@testable import ServerConfig

nonisolated(unsafe) private let target = FuzzCase.chosen(among: [
    FuzzCase("config", fuzzConfiguration), FuzzCase("expansion", fuzzExpansion), FuzzCase("values", fuzzValues),
])

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzConfig(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    target.run(FuzzInput(data, size))
    return 0
}
