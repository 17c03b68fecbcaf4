import MailCore

nonisolated(unsafe) private let target = FuzzCase.chosen(among: [
    FuzzCase("lmtp", fuzzLMTP), FuzzCase("pop3", fuzzPOP3), FuzzCase("managesieve", fuzzManageSieve),
    FuzzCase("sasl", fuzzSASL), FuzzCase("url", fuzzURL), FuzzCase("policy", fuzzPolicy), FuzzCase("admin", fuzzAdmin),
    FuzzCase("proxy", fuzzProxy),
])

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzProtocol(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    target.run(FuzzInput(data, size))
    return 0
}

/// One line of what a server sends: ends with CRLF, and nothing in it could be taken for another one.
func checkLine(_ line: [UInt8]) {
    need(line.suffix(2) == [0x0D, 0x0A])
    need(!line.dropLast(2).contains { $0 == 0x0A || $0 == 0x0D || $0 == 0 })
}
