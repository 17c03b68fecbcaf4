import MIMECore
import MailCore

nonisolated(unsafe) private let target = FuzzCase.chosen(among: [
    FuzzCase("headers", fuzzHeaders), FuzzCase("dates", fuzzDates), FuzzCase("structure", fuzzStructure),
    FuzzCase("charset", fuzzCharset), FuzzCase("html", fuzzHTML), FuzzCase("preview", fuzzPreview),
    FuzzCase("signature", fuzzSignature), FuzzCase("names", fuzzNames), FuzzCase("transfer", fuzzTransfer),
])

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzText(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    target.run(FuzzInput(data, size))
    return 0
}

func withOctets<R>(_ bytes: [UInt8], _ body: (Octets) -> R) -> R {
    bytes.withUnsafeBytes { body(Octets($0)) }
}
