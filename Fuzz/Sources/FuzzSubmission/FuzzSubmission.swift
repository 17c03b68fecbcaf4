nonisolated(unsafe) private let target = FuzzCase.chosen(among: [
    FuzzCase("journal", fuzzJournal), FuzzCase("handover", fuzzHandover), FuzzCase("smtp", fuzzSMTP),
])

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSubmission(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    target.run(FuzzInput(data, size))
    return 0
}
