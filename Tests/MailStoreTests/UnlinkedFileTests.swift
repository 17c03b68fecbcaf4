import Glibc
import MailStore
import Testing

@Suite struct UnlinkedFileTests {
    @Test func hasNoNameAndStaysHere() throws {
        let descriptor = try UnlinkedFile.make(in: "/tmp")
        defer { close(descriptor) }
        #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
        var status = stat()
        #expect(fstat(descriptor, &status) == 0 && status.st_nlink == 0)
        #expect(pwrite(descriptor, "x", 1, 0) == 1)
    }

    @Test func tellsOfAMissingDirectory() {
        #expect(throws: StoreError.self) { try UnlinkedFile.make(in: "/nonexistent") }
    }
}
