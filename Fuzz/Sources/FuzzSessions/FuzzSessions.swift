/// Whole sessions against the real servers, over a store in memory.
nonisolated(unsafe) private let target = FuzzCase.chosen(among: [
    FuzzCase("imap-session", fuzzIMAPSession), FuzzCase("imap-stream", fuzzIMAPStream),
    FuzzCase("pop3-stream", fuzzPOP3Stream), FuzzCase("lmtp-stream", fuzzLMTPStream),
    FuzzCase("managesieve-stream", fuzzManageSieveStream),
])

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSessions(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    target.run(FuzzInput(data, size))
    return 0
}
