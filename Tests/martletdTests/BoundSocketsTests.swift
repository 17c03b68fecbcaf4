import Glibc
import ServerConfig
import TemporaryFiles
import Testing

@testable import martletd

extension MaskTests {
    @Suite struct BoundSocketsTests {
        private func mode(_ path: String) -> UInt32? {
            var status = stat()
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
            return status.st_mode & 0o7777
        }

        /// The mail user's programs may use it, and nobody else's.
        @Test func theAdminSocketIsTheMailUsers() throws {
            try TemporaryDirectory.with { directory in
                var settings = Settings()
                settings.general.baseDirectory = directory
                // Another user where the tests run as root.
                let uid = geteuid() == 0 ? 65534 : geteuid()
                let gid = geteuid() == 0 ? 65534 : getegid()
                var sockets = try BoundSockets(settings, mailUser: RoleUser(uid: uid, gid: gid, name: "mail"))
                defer { sockets.close() }
                var status = stat()
                #expect(lstat("\(directory)/admin", &status) == 0)
                #expect(status.st_uid == uid)
                #expect(status.st_gid == gid)
                #expect(self.mode("\(directory)/admin") == 0o600)
            }
        }

        /// From the beginning, so that nothing has to be changed by a name that others may give away meanwhile.
        @Test func socketsHaveTheirModes() throws {
            try TemporaryDirectory.with { directory in
                var settings = Settings()
                settings.general.baseDirectory = directory
                var place = UnixPlace()
                place.path = "\(directory)/client"
                place.mode = 0o660
                place.user = "\(geteuid())"
                settings.listeners = [ListenerSettings(service: .auth, name: "client", place: .unix(place))]
                var sockets = try BoundSockets(settings, mailUser: nil)
                #expect(self.mode("\(directory)/client") == 0o660)
                #expect(self.mode("\(directory)/admin") == 0o600)
                #expect(self.mode("\(directory)/deliver") == 0o666)
                // One that an earlier run left goes, anything else stays.
                var again = try BoundSockets(settings, mailUser: nil)
                again.close()
                sockets.close()
                #expect(self.mode("\(directory)/client") == nil)
                symlink("/nonexistent/martlet", "\(directory)/client")
                #expect(throws: BoundSockets.Failure.self) { _ = try BoundSockets(settings, mailUser: nil) }
                var status = stat()
                #expect(lstat("\(directory)/client", &status) == 0)
                #expect(self.mode("\(directory)/admin") == nil)
            }
        }

        /// What inet_pton does not take would be all addresses.
        @Test(arguments: ["127.0.0.1%lo", "fe80::1%lo", "localhost", "", "::1:"])
        func onlyAddressesAreListenedOn(_ address: String) throws {
            try TemporaryDirectory.with { directory in
                var settings = Settings()
                settings.general.baseDirectory = directory
                var place = InetPlace()
                place.addresses = [address]
                settings.listeners = [ListenerSettings(service: .imap, name: "imap", place: .inet(place))]
                do throws(BoundSockets.Failure) {
                    var sockets = try BoundSockets(settings, mailUser: nil)
                    sockets.close()
                    Issue.record("listens on \(address)")
                } catch {
                    #expect(error.text.hasSuffix("this is no address"))
                }
            }
        }
    }

    @Test func whoIsMissingIsNamed() throws {
        try TemporaryDirectory.with { directory in
            for (user, group, who) in [
                ("no-such-user", "", "user no-such-user"), ("", "no-such-group", "group no-such-group"),
            ] {
                var settings = Settings()
                settings.general.baseDirectory = directory
                var place = UnixPlace()
                place.path = "\(directory)/client"
                place.user = user
                place.group = group
                settings.listeners = [ListenerSettings(service: .auth, name: "client", place: .unix(place))]
                var text = ""
                do throws(BoundSockets.Failure) {
                    _ = try BoundSockets(settings, mailUser: nil)
                } catch {
                    text = error.text
                }
                #expect(text == "\(directory)/client: there is no \(who)")
            }
        }
    }
}
