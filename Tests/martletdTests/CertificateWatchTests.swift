import Glibc
import ServerConfig
import TemporaryFiles
import Testing

@testable import martletd

@Suite struct CertificateWatchTests {
    private func write(_ text: String, _ path: String) {
        let file = fopen("\(path).new", "w")
        fputs(text, file)
        fclose(file)
        rename("\(path).new", path)
    }

    /// However often it is asked, as it is when roles write many lines to the log.
    @Test func looksWhenItIsTime() throws {
        try TemporaryDirectory.with { directory in
            let path = "\(directory)/chain.pem"
            self.write("old", path)
            var settings = Settings()
            settings.tls.certificate = FileSetting(path: path, contents: [])
            var watch = CertificateWatch(settings, now: 5_000)
            self.write("another", path)
            var looks: [Bool] = []
            for now in stride(from: Int64(5_000), to: 35_000, by: 1_000) { looks.append(watch.hasChanged(now: now)) }
            #expect(!looks.contains(true))
            #expect(watch.nextLook == 35_000)
            looks = [watch.hasChanged(now: 35_500), watch.hasChanged(now: 65_500)]
            #expect(looks == [true, false])
            #expect(watch.nextLook == 95_500)
            unlink(path)
            looks = [watch.hasChanged(now: 70_000), watch.hasChanged(now: 100_000)]
            #expect(looks == [false, true])
        }
    }
}
