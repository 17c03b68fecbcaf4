import CCrypt
import COpenSSL

/// crypt(3) of the system's libcrypt, without shared state.
enum CryptHash {
    /// Octets that libcrypt takes (`CRYPT_MAX_PASSPHRASE_SIZE` counts the NUL).
    static let maximumPassword = 511

    /// The hash of `password` with the method and salt of `setting`, which may be a whole stored hash.
    ///
    /// `nil` when libcrypt does not take the setting. Blocks for as long as the method intends.
    static func hash(_ password: [UInt8], setting: [UInt8]) -> [UInt8]? {
        guard !password.contains(0), !setting.contains(0) else { return nil }
        let size = MemoryLayout<crypt_data>.size
        // 32 KiB: too much for a pool thread's stack to be taken lightly. Wiped, since it held the password.
        let data = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        data.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        defer {
            explicitWipe(data, size)
            data.deallocate()
        }
        var phrase = password + [0]
        defer { phrase.withUnsafeMutableBytes { explicitWipe($0.baseAddress, $0.count) } }
        let salt = setting + [0]
        return phrase.withUnsafeBytes { phrase in
            salt.withUnsafeBytes { salt in
                guard
                    let result = crypt_rn(
                        phrase.baseAddress?.assumingMemoryBound(to: CChar.self),
                        salt.baseAddress?.assumingMemoryBound(to: CChar.self), data, CInt(size))
                else { return nil }
                let bytes = Array(String(cString: result).utf8)
                // libcrypt's failure tokens begin with `*`.
                return bytes.first == UInt8(ascii: "*") ? nil : bytes
            }
        }
    }

    /// A new setting for `prefix` such as `$6$`; `rounds` 0 means libcrypt's own number.
    static func newSetting(prefix: String, rounds: UInt) -> [UInt8]? {
        var out = [CChar](repeating: 0, count: Int(CRYPT_GENSALT_OUTPUT_SIZE))
        let random = randomBytes(32)
        return random.withUnsafeBytes { random in
            guard
                let result = crypt_gensalt_rn(
                    prefix, rounds, random.baseAddress?.assumingMemoryBound(to: CChar.self),
                    CInt(random.count), &out, CInt(out.count))
            else { return nil }
            return Array(String(cString: result).utf8)
        }
    }

    private static func explicitWipe(_ bytes: UnsafeMutableRawPointer?, _ count: Int) {
        guard let bytes, count > 0 else { return }
        OPENSSL_cleanse(bytes, count)
    }
}
