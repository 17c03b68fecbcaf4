import MailCore

/// The lines of the admin socket: TAB-separated fields, LF at the end, Dovecot's escapes (0x01 and `0 1 t r n`
/// for NUL, 0x01, TAB, CR, LF), so that a field may hold any octets.
///
///     S: V TAB martlet-admin TAB 1           first, without waiting for the client
///     C: martlet-admin TAB 1
///     C: mailbox TAB status TAB -u TAB alice TAB all TAB *
///     S: H TAB mailbox TAB messages          columns
///     S: R TAB INBOX TAB 3                   a row
///     S: P TAB 1 TAB 10                      progress
///     S: N                                   the next piece of input is wanted
///     C: D TAB octets                        a piece; without octets: there is no more
///     S: E TAB text                          a problem; the command goes on
///     S: X TAB 67 TAB text                   the end: exit status, and why when not 0
public enum AdminLine {
    /// The longest request in octets: a Sieve script of the largest size, with escapes.
    public static let maximumRequest = 4 << 20
    /// The first line of a client.
    public static let greeting = "martlet-admin\t1"

    /// The first line of the daemon, without its end: it is there and will answer, however long the command takes.
    public static let hello = "V\tmartlet-admin\t1"

    /// Appends the fields as one line.
    public static func encode(_ fields: [[UInt8]], into out: inout [UInt8]) {
        for (index, field) in fields.enumerated() {
            if index > 0 { out.append(0x09) }
            EscapedFields.append(field, to: &out)
        }
        out.append(0x0A)
    }

    /// The fields of a line given without its LF. An unknown escape stands for its own character.
    public static func decode(_ line: some Sequence<UInt8>) -> [[UInt8]] { EscapedFields.split(line) }
}
