import Glibc
@testable import IndexedStore
@testable import MaildirFormat

nonisolated(unsafe) private let target = FuzzCase.chosen(among: [
    FuzzCase("records", fuzzRecords), FuzzCase("rows", fuzzRows), FuzzCase("checkpoint", fuzzCheckpoint),
    FuzzCase("segment", fuzzSegment), FuzzCase("uidlist", fuzzUIDList), FuzzCase("keywords", fuzzKeywords),
    FuzzCase("subscriptions", fuzzSubscriptions), FuzzCase("maildirsize", fuzzMaildirSize), FuzzCase("acl", fuzzACL),
    FuzzCase("filename", fuzzFilename), FuzzCase("attributes", fuzzAttributes),
    FuzzCase("uidvalidity", fuzzUIDValidity), FuzzCase("decompress", fuzzDecompress), FuzzCase("iconv", fuzzIconv),
])

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzStore(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    target.run(FuzzInput(data, size))
    return 0
}

/// A file without a name that holds these octets, at its start; the caller closes it.
func unnamedFile(_ octets: [UInt8]) -> CInt {
    var name = Array("/dev/shm/martlet-fuzz-XXXXXX".utf8CString)
    let descriptor = mkstemp(&name)
    need(descriptor >= 0, "mkstemp")
    unlink(name)
    need(write(descriptor, octets, octets.count) == octets.count, "write")
    lseek(descriptor, 0, SEEK_SET)
    return descriptor
}
