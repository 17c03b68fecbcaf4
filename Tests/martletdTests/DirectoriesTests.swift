import Glibc
import ServerConfig
import TemporaryFiles
import Testing

@testable import martletd

extension MaskTests {
    @Suite struct DirectoriesTests {
        private func mode(_ path: String) -> UInt32? {
            var status = stat()
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return nil }
            return status.st_mode & 0o7777
        }

        /// Mail is for nobody else, however its directory is written.
        @Test(arguments: ["", "/", "//"])
        func volumesAreClosedToOthers(_ end: String) throws {
            try TemporaryDirectory.with { directory in
                var settings = Settings()
                settings.general.baseDirectory = "\(directory)/run\(end)"
                settings.general.stateDirectory = "\(directory)/state"
                settings.mail.volumePath = "\(directory)/mail//volume\(end)"
                try Directories.prepare(settings, mailUser: nil)
                #expect(self.mode("\(directory)/run") == 0o755)
                #expect(self.mode("\(directory)/mail") == 0o755)
                #expect(self.mode("\(directory)/mail/volume") == 0o700)
                #expect(self.mode("\(directory)/state/submit") == 0o700)
            }
        }
    }
}
