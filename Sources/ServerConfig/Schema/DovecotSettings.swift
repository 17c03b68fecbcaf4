/// What to tell administrators who bring a Dovecot configuration along.
package enum DovecotSettings {
    /// Words that are values there and not here, in lower case.
    package static let valueHints: [String: String] = [
        "managesieve": "write sieve",
        "submission": "Martlet has no submission server; the MTA does that",
        "cram-md5": "needs passwords in plain text on the server; use scram-sha-256, or plain over TLS",
        "digest-md5": "needs passwords in plain text on the server; use scram-sha-256, or plain over TLS",
        "external": "is not in this release",
        "gssapi": "is not in this release",
        "gss-spnego": "is not in this release",
        "ntlm": "is not in this release",
        "otp": "is not in this release",
        "anonymous": "is not in this release",
        "apop": "needs passwords in plain text on the server; use scram-sha-256, or plain over TLS",
        "index":
            "folders lie under other names there, and would not be found; have Dovecot convert it first (doveadm backup, or doveadm sync) to a Maildir in the layout maildir++",
        "mbox": "the formats maildir and pack are there; convert it with Dovecot, by doveadm backup",
        "dbox": "the formats maildir and pack are there; convert it with Dovecot, by doveadm backup",
        "sdbox": "the formats maildir and pack are there; convert it with Dovecot, by doveadm backup",
        "mdbox": "the formats maildir and pack are there; convert it with Dovecot, by doveadm backup",
        "tlsv1": "is broken; write TLSv1.2",
        "tlsv1.1": "is broken; write TLSv1.2",
        "sslv3": "is broken; write TLSv1.2",
        "oauth2": "write oauthbearer and xoauth2",
        "discard": "is not in this release",
        "autocreate": "write create",
    ]

    /// Drivers of passdbs there and not here, in lower case; most are drivers of userdbs, too.
    package static let passdbDriverHints: [String: String] = [
        "sql": "is not in this release; use passwd-file or pam",
        "ldap": "is not in this release; use pam (pam_ldap, sssd) or passwd-file",
        "lua": "is not in this release; use passwd-file or pam",
        "dict": "is not in this release; use passwd-file or pam",
        "imap": "is not in this release; use passwd-file or pam",
        "shadow": "is not there; use pam",
        "passwd": "is not there; use pam",
        "nss": "is not there; use pam",
        "bsdauth": "is not there; use pam",
        "vpopmail": "is not there; use pam or passwd-file",
        "checkpassword": "is not there; use pam or passwd-file",
    ]

    /// What stands for a setting of exactly that name, or why Martlet needs none.
    package static func exactHint(for name: String) -> String? { self.hints[name] }

    /// As `exactHint`, by what the name begins with.
    package static func familyHint(for name: String) -> String? {
        self.families.first { name.hasPrefix($0.prefix) }?.hint
    }

    private static let oneProcess = "one process serves all sessions; remove it"
    private static let noPlugins = "Martlet has no plugins: what it can do is built in; remove it"
    private static let compressed =
        "compressed messages are read; for new ones in packs see mail_volume_compression; remove it"
    private static let askedNobody =
        "tokens are verified with the keys in oauth2_key_file and nobody is asked; remove it"
    private static let noClientCertificates =
        "client certificates are not in this release; remove it only if a password alone may let users in"
    private static let foldersElsewhere =
        "folders would not be found without it; have Dovecot convert them first (doveadm backup, or doveadm sync) to a Maildir in the layout maildir++"
    private static let later = "not in this release; remove it"

    private static let hints: [String: String] = [
        "mail_plugins": noPlugins,
        "mail_plugin_dir": noPlugins,
        "plugin": noPlugins,
        "mail_attachment_dir": later,
        "mail_privileged_group": "Martlet locks no mbox spool; remove it",
        "mail_access_groups": later,
        "mmap_disable": "the volume must be on a local disk; remove it",
        "mail_nfs_index": "the volume must be on a local disk; remove it",
        "mail_nfs_storage": later,
        "lock_method": "remove it",
        "mail_location": "write mail_driver = maildir and mail_path = ~/Maildir",
        "mail_max_keyword_length": "remove it",
        "maildir_stat_dirs": "remove it",
        "maildir_copy_with_hardlinks": "copies are always hard links; remove it",
        "maildir_very_dirty_syncs": "changes by others are always found; remove it",
        "first_valid_uid": "accounts of uid 0 are always refused; remove it",
        "last_valid_uid": "accounts of uid 0 are always refused; remove it",
        "first_valid_gid": "accounts of gid 0 are always refused; remove it",
        "login_trusted_networks": later,
        "login_log_format_elements": "the log format is fixed; remove it",
        "login_log_format": "the log format is fixed; remove it",
        "deliver_log_format": "the log format is fixed; remove it",
        "mail_log_prefix": "the log format is fixed; remove it",
        "log_timestamp": "the log format is fixed; remove it",
        "syslog_facility": "the facility is always mail; remove it",
        "auth_verbose": "failed logins are always logged; remove it",
        "auth_verbose_passwords": "passwords are never logged; remove it",
        "auth_debug_passwords": "passwords are never logged; remove it",
        "verbose_ssl": "failed handshakes are always logged; remove it",
        "verbose_proctitle": "see `martlet who` instead; remove it",
        "shutdown_clients": "a reload keeps all sessions; remove it",
        "restart_request_count": oneProcess,
        "process_min_avail": oneProcess,
        "process_limit": oneProcess,
        "default_process_limit": oneProcess,
        "default_process_min_avail": oneProcess,
        "service_count": oneProcess,
        "vsz_limit": oneProcess,
        "default_vsz_limit": oneProcess,
        "idle_kill": oneProcess,
        "executable": oneProcess,
        "chroot": oneProcess,
        "mail_process_size": oneProcess,
        "default_login_user": "no process of that kind is there; remove it",
        "client_limit": "write it inside of service NAME { }",
        "ssl_dh": "keys are exchanged on curves only, see ssl_curve_list; remove it",
        "ssl_server_dh_file": "keys are exchanged on curves only, see ssl_curve_list; remove it",
        "ssl_alt_cert": "give the other names a certificate with local_name NAME { }",
        "ssl_alt_key": "give the other names a certificate with local_name NAME { }",
        "ssl_key_password": "store the key without a password, readable by root alone",
        "ssl_server_key_password": "store the key without a password, readable by root alone",
        "ssl_protocols": "write ssl_min_protocol",
        "ssl_prefer_server_ciphers": "write ssl_server_prefer_ciphers = server (or client)",
        "ssl_ca": noClientCertificates,
        "ssl_verify_client_cert": noClientCertificates,
        "ssl_server_ca_file": noClientCertificates,
        "ssl_server_request_client_cert": noClientCertificates,
        "auth_ssl_require_client_cert": noClientCertificates,
        "auth_ssl_username_from_cert": noClientCertificates,
        "ssl_client_ca_dir": "the system's are trusted; others stand together in one file, ssl_client_ca_file",
        "quota_vsizes": "sizes are always those of RFC 5322; remove it",
        "quota_driver": "what is used is always counted exactly; remove it",
        "quota_set": "SETQUOTA is stored by itself; remove it",
        "sieve_vacation_dont_check_recipient": "write sieve_vacation_check_recipient, with the opposite value",
        "rejection_reason": later,
        "rejection_subject": later,
        "imap_capability": "the capabilities are those that work; remove it",
        "imap_client_workarounds": "what clients need is always on; remove it",
        "pop3_client_workarounds": "what clients need is always on; remove it",
        "lmtp_client_workarounds": "what clients need is always on; remove it",
        "pop3_lock_session": "sessions of one user may run side by side; remove it",
        "pop3_fast_size_lookups": "sizes are exact and cached; remove it",
        "pop3_save_uidl": "unique-ids that Dovecot saved are honoured; remove it",
        "pop3_enable_last": later,
        "pop3_deleted_flag": later,
        "pop3_delete_type": later,
        "lda_mailbox_autosubscribe": later,
        "auth_cache_negative_ttl":
            "a wrong password is remembered for five minutes at most, see auth_cache_ttl; remove it",
        "lmtp_proxy": later,
        "mail_max_lock_timeout": "remove it",
        "auth_default_realm": "write the domain into auth_username_format",
        "auth_default_domain": "write the domain into auth_username_format",
        "auth_master_user_separator": later,
        "auth_krb5_keytab": later,
        "default_fields": "write fields { NAME:default = VALUE }",
        "override_fields": "write fields { NAME = VALUE }",
        "result_success": later, "result_failure": later, "result_internalfail": later, "skip": later,
        "deny": "it is for passdb passwd-file { }", "username_filter": later,
        "mail_index_private_path":
            "\\Seen in shared and public mailboxes is each user's own, see private_flags in namespace NAME { }; remove it",
        "alias_for": later, "acl_user": later, "acl_ignore": later,
        "acl_shared_dict": "who shares with whom is always known; remove it",
        "acl_sharing_map": "who shares with whom is always known; remove it",
        "acl_cache_ttl": "changes are seen at once; remove it",
        "mailbox": "write it inside of namespace NAME { }",
        "comment": "write it with `martlet mailbox metadata set MAILBOX /shared/comment TEXT`; remove it",
        "mailbox_comment": "write it with `martlet mailbox metadata set MAILBOX /shared/comment TEXT`; remove it",
        "mail_attribute_dict": "annotations are kept by themselves, see imap_metadata; remove it",
        "mail_attribute": "annotations are kept by themselves, see imap_metadata; remove it",
        "mailbox_list_index": "the index knows every mailbox; remove it",
        "imap_zlib_compress_level": "write imap_compress_deflate_level",
        "autocreate": "write auto = create into mailbox NAME { } of namespace inbox { }",
        "oauth2_local_validation_key_dict": "write oauth2_key_file = /path of the issuer's key set (JSON)",
        "oauth2_client_id": "write oauth2_audience",
        "local":
            "settings by the server's own address are not in this release; certificates go by name, in local_name NAME { }, and other settings by the client's address, in remote NETWORK { }",
        "mailbox_root_directory_name": foldersElsewhere,
        "mailbox_directory_name_legacy": foldersElsewhere,
        "autosubscribe": "write auto = subscribe into mailbox NAME { } of namespace inbox { }",
        "sieve_plugins": "every extension is built in; switch those you want on in sieve_extensions, and remove it",
    ]

    private static let families: [(prefix: String, hint: String)] = [
        ("quota", later), ("acl", later), ("oauth2_", askedNobody), ("fts", later), ("imapsieve_", later),
        ("sieve_vacation_", later),
        ("sieve_", later), ("managesieve_", later),
        ("submission_", "Martlet has no submission server; the MTA does that"),
        ("replication_", later), ("dsync_", later), ("director_", later), ("doveadm_", later),
        ("stats_", later),
        ("metric", later), ("event_", later), ("dict", later),
        ("imap_urlauth", "URLs are served by the IMAP server itself; remove it"),
        ("imap_hibernate", "an idle session is small already; remove it"),
        ("mail_cache_", "what is cached needs no tuning; remove it"),
        ("mail_log_", later), ("mail_attachment_", later), ("mail_crypt_", later), ("zlib_", compressed),
        ("mail_compress", compressed),
        ("mailbox_idle_check", "changes are announced at once; remove it"),
        ("mailbox_list_", later),
        ("mailbox_alias", "write aliases = OTHER NAME into mailbox NAME { }"),
        ("expire", "write autoexpunge = 30 days into mailbox NAME { }"), ("lazy_expunge", later),
        ("auth_policy_", later), ("auth_cache_", later), ("auth_", later), ("ssl_client_", later),
        ("ssl_", later), ("login_", later), ("imap_", later), ("pop3_", later), ("lmtp_", later),
        ("lda_", later), ("passdb_", later), ("userdb_", later), ("mdbox_", later), ("dbox_", later),
        ("sdbox_", later), ("mbox_", later), ("maildir_", later), ("mail_", later), ("namespace_", later),
        ("service_", oneProcess), ("default_", later),
    ]
}
