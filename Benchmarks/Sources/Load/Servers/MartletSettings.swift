import Glibc

/// Settings of a Martlet that nobody else uses.
enum MartletSettings {
    /// Answers the file's path.
    static func write(_ directory: String, _ ports: TestServer.Ports, _ kind: TestServer.Kind) throws -> String {
        let home = directory + "/home"
        try Files.makeDirectory(home)
        // As on a real server, mail belongs to somebody who is not root.
        let isRoot = getuid() == 0
        let (uid, gid) = isRoot ? (65534, 65534) : (getuid(), getgid())
        if isRoot { chown(home, uid, gid) }
        var users = ""
        for number in 0..<TestServer.users {
            let user = TestServer.user(number)
            users += "\(user):{PLAIN}\(TestServer.password):\(uid):\(gid)::\(home)/\(user)::\n"
        }
        try Files.write(directory + "/users", users)
        let format = kind == .pack ? "mail_driver = pack\nmail_path = ~/Mail\n" : "mail_path = ~/Maildir\n"
        try Files.write(
            directory + "/martlet.conf",
            """
            base_dir = \(directory)/run
            state_dir = \(directory)/state
            log_path = \(directory)/log
            protocols = imap pop3 lmtp
            listen = 127.0.0.1
            ssl = yes
            ssl_server_cert_file = \(directory)/cert.pem
            ssl_server_key_file = \(directory)/key.pem
            auth_allow_cleartext = yes
            auth_failure_delay = 0
            mail_max_userip_connections = 0
            mail_uid = \(uid)
            mail_gid = \(gid)
            \(format)
            passdb passwd-file {
              passwd_file_path = \(directory)/users
            }
            userdb passwd-file {
              passwd_file_path = \(directory)/users
            }
            service imap-login {
              inet_listener imap {
                port = \(ports.imap)
              }
              inet_listener imaps {
                port = \(ports.imaps)
              }
            }
            service pop3-login {
              inet_listener pop3 {
                port = \(ports.pop3)
              }
              inet_listener pop3s {
                port = 0
              }
            }
            service lmtp {
              unix_listener \(directory)/lmtp.sock {
                mode = 0600
              }
              inet_listener lmtp {
                port = \(ports.lmtp)
              }
            }

            """)
        return directory + "/martlet.conf"
    }
}
