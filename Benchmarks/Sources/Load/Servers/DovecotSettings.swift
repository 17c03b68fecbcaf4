import Glibc

/// Settings of a Dovecot 2.3 with Maildir that nobody else uses, tuned as its manual advises for busy servers: login
/// processes that stay, mail processes that serve many sessions, no look at the files that the index knows.
enum DovecotSettings {
    /// Answers the file's path.
    static func write(_ directory: String, _ ports: TestServer.Ports) throws -> String {
        try check(getuid() == 0, "Dovecot needs root, as its processes run as several users")
        let mail = directory + "/mail"
        try Files.makeDirectory(mail)
        chown(mail, 65534, 65534)
        var users = ""
        for number in 0..<TestServer.users {
            users += "\(TestServer.user(number)):{PLAIN}\(TestServer.password)::::::\n"
        }
        try Files.write(directory + "/users", users)
        let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        try Files.write(
            directory + "/dovecot.conf",
            """
            base_dir = \(directory)/run
            state_dir = \(directory)/state
            log_path = \(directory)/log
            instance_name = load
            protocols = imap pop3 lmtp
            listen = 127.0.0.1
            mail_location = maildir:~/Maildir
            mail_home = \(mail)/%n
            mail_uid = 65534
            mail_gid = 65534
            first_valid_uid = 1000
            mail_fsync = optimized
            mailbox_list_index = yes
            maildir_very_dirty_syncs = yes
            mail_max_userip_connections = 100000
            default_vsz_limit = 4G
            default_client_limit = 20000
            default_process_limit = 8000
            auth_mechanisms = plain
            disable_plaintext_auth = no
            ssl = yes
            ssl_cert = <\(directory)/cert.pem
            ssl_key = <\(directory)/key.pem
            passdb {
              driver = passwd-file
              args = username_format=%u \(directory)/users
            }
            userdb {
              driver = passwd-file
              args = username_format=%u \(directory)/users
            }
            namespace inbox {
              inbox = yes
              separator = /
            }
            protocol lmtp {
              postmaster_address = postmaster@localhost
            }
            service imap-login {
              service_count = 0
              process_min_avail = \(processors)
              inet_listener imap {
                port = \(ports.imap)
              }
              inet_listener imaps {
                port = \(ports.imaps)
                ssl = yes
              }
            }
            service pop3-login {
              service_count = 0
              process_min_avail = \(processors)
              inet_listener pop3 {
                port = \(ports.pop3)
              }
              inet_listener pop3s {
                port = 0
              }
            }
            service imap {
              service_count = 1000
              process_min_avail = 8
            }
            service pop3 {
              service_count = 1000
              process_min_avail = 8
            }
            service lmtp {
              service_count = 1000
              process_min_avail = \(processors)
              inet_listener lmtp {
                port = \(ports.lmtp)
              }
            }
            service stats {
              unix_listener stats-writer {
                mode = 0666
              }
            }

            """)
        return directory + "/dovecot.conf"
    }
}
