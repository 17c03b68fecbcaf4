/// Keys, and tokens that PyJWT signed with them; not secret, they open nothing.
///
/// Of `https://issuer.example` for `mail` and `web`, with the scopes `openid` and `imap` and the address `Ann`, valid from
/// 1700000000 to 2000000000.
enum TokenVectors {
    static let keySet = #"""
        {"keys": [
         {"kty": "RSA", "kid": "r", "use": "sig", "n": "mNsDOh7b3--XmZd-n3JEJfMLMjJgRgMgPRWOn1GInbqTMF5cEmAgqMcfKaUBaPEZWm02j-y5wg9tnB5DUB6jjlX2dLAqzZ9Sl0IHyOmoD5_bR8jTWdA2rsp7ektytOA-GFEZn9tkfuiOcchyQrFE98-fDZZpVn0mTwjZihm6NXNMwZxhA0LLtyMtBgNbSDYTzXCcMqMG014lQKj3urfRBClCGB2BurmOMAG3izu8OfOBPz8ZpTnK49WSoTLXWv1HI_jbxRw6wLp7EQs0j5It0hFh38D1PhLg5WgFuwA8oy-VqT0tAbp3pKiRgoeTQLk-iLz8KwOnY8bm4IS6aoZjkQ",
          "e": "AQAB"},
         {"kty": "EC", "kid": "ES256", "crv": "P-256", "x": "uaSEYDbqs9EGNSRYjx5nU3geEqXbkJaN1ReoeXoHl8c", "y": "RekqJFqIRKmUS5ZhdzBI_i9FE1TEYgEl84i2D_5N5kg"},
         {"kty": "EC", "kid": "ES384", "crv": "P-384", "x": "I8m5G7g2J3LmlOAZT-OndM2Xg2sgfJESuj3WuxE9h0MhCflkjbcDE3ZWchFcV4K-", "y": "4my73J6sI4CJT7hM38OS3u5ULEMTqrJLmxKlXbC4nfQgA4a7afJINZQyDJ4Oiv-e"},
         {"kty": "EC", "kid": "ES512", "crv": "P-521", "x": "ANxTIBVtOp4oEj24LY4Bzx5hWuwFDMXFbhrLVP9z9bdAbQJlJAhDTKWgs7LSwalSqDaOdH_T3tXLtBM25tRsreBS", "y": "AOpW4ltEpHWgxNGj5VY-I1KOjmYee9euO_e2oU8tlQYoQa4f-daqPQwZS6kXbR_EDs6iEFkk-7KxBEAf_bUaXjxA"},
         {"kty": "OKP", "kid": "ed", "crv": "Ed25519", "alg": "EdDSA", "x": "kEHge-wxCl4DEU2eDHzv0XRGrfycRPT-rFI2C9IpnzE"},
         {"kty": "oct", "kid": "s", "k": "fv1eUaTy6TEcVOWleq9Mdf_yvxNXlUhlaokIUqX7CT0nqslumlFFe6a-kI5ZL8DjzB3sDTVRc060J84J6XOlwg"}
        ]}
        """#

    /// One for each algorithm.
    static let tokens: [(algorithm: String, text: String)] = [
        (
            "RS256",
            "eyJhbGciOiJSUzI1NiIsImtpZCI6InIiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiY"
            + "XVkIjpbIm1haWwiLCJ3ZWIiXSwic3ViIjoiMTciLCJlbWFpbCI6IkFubiIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJzY29wZ"
            + "SI6Im9wZW5pZCBpbWFwIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjIwMDAwMDAwMDB9.WQEknJijyIiJjkL3uS9xfPwV_Azt"
            + "7BN1UJOErpOOereM1x33UTA1GnJ0fSF0rG6R8g6RYVWzDYh2YK4lVhv56zYoNa6r8QcaVH1JNwcWJZ_Bz5UwVsnE7QCWUYjl"
            + "p9CUdmeAOXjrimKNoZH1ukJoTCrFUIDokZGMddZB7Y5Iub-MUeOCHFN4aln2JNTqQzL0rz3AKkOSj7QfNs5by8cgLfoMFgNz"
            + "xRiOIR-BFzywzFXq2zT5cjJfIC9VxuI-Pf_0MIRhMNXsZzwrvOXGWzggARNEtk-86Hb7SOMtYcb7r2wamon6bjAOt4oUUzRJ"
            + "cQN7fCfFb0TycaQ2hpr6r5naug"
        ),
        (
            "RS384",
            "eyJhbGciOiJSUzM4NCIsImtpZCI6InIiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiY"
            + "XVkIjpbIm1haWwiLCJ3ZWIiXSwic3ViIjoiMTciLCJlbWFpbCI6IkFubiIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJzY29wZ"
            + "SI6Im9wZW5pZCBpbWFwIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjIwMDAwMDAwMDB9.EbZHB-6hEzaBOtobxyXTdEwaBMly"
            + "YRd0dlFUoB52P3tHpDfQMoY86hHJvNSe3UQdkakfcPubHg4-um69HDRKNdJ6qE1LabtwfR9prv3CJpR9Pj6pI6ze1kp-7Dk6"
            + "W06ZJzFgDq8soVILdC6Gf6f6eMJII8TU9IJCtg3s-2_8oUsQYdNs7FOxWnFwij-Yu1hHIJOCLS-emF37lzXsRnXxpDLZr5CB"
            + "_EdguMO75QlAqbbgjnsOBMUGqFCRDc0eZAaGPDYymmZp3JldO9ibae5W9eYw7vP6eJ4ykFZbVTHf-ooUDDuz9dLPMGZM2VHC"
            + "P--PzKrkzOXlCFYZ3tkoRaB4Sg"
        ),
        (
            "RS512",
            "eyJhbGciOiJSUzUxMiIsImtpZCI6InIiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiY"
            + "XVkIjpbIm1haWwiLCJ3ZWIiXSwic3ViIjoiMTciLCJlbWFpbCI6IkFubiIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJzY29wZ"
            + "SI6Im9wZW5pZCBpbWFwIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjIwMDAwMDAwMDB9.FlYuRgPcSGMGRbXpzifruyoERbpm"
            + "pzN8QeI2G9IRRaanpS6P_0jsvDep9J1LjxVnem96O0__no_ewRj2xdxfV0CDnSXh5Sf8ADfXiUFnVAH0Rf6QG_Lsyox0OhIR"
            + "dH8hGtIGB1L8oNmem-7eDaq3jJk8ZM0w2JQC3pKIJCWTfC3xajlX65jRLj5SWkh_AVZy8H6cdsep-n_lq3WkVQYSTMkOw2as"
            + "E_b14PADYalvXgMZ4me_cmF_9jgGiyBJO0kjm4ZB40cWcXScMV_tGrjKF4zM7BTVd8rY8IW6O6seaFVKUT5HjJ_dIc-dhlwd"
            + "4FJQ_3LLquSVbkvn21zP1zmskA"
        ),
        (
            "PS256",
            "eyJhbGciOiJQUzI1NiIsImtpZCI6InIiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiY"
            + "XVkIjpbIm1haWwiLCJ3ZWIiXSwic3ViIjoiMTciLCJlbWFpbCI6IkFubiIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJzY29wZ"
            + "SI6Im9wZW5pZCBpbWFwIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjIwMDAwMDAwMDB9.bRLpgU2wBAHrGSa3NhGnUT4e4mjT"
            + "8SSdP2bV4HRn7WxlWLiOcbnpjbW8Drj0FQ-tw8M4JYRNKXQqh7rR0gspoZtQrZD-b6IxxSxT34DAcGnCwJY8nLt810mWtgQP"
            + "VfVbYNIIgT10_ChfH0zI_aIxNDl3DTKCv1DTrWM_aTKIQbG10cJZEHU0jnD-8yh3HuASeyHCQgu4rJdtw-kdOKZzXtY6nN3O"
            + "Ni64cRaVlnJC9fahs7Tuxt_ee4EygjR80j3fg7_fRE958329ewJdLiJ0cDIJft02CF2nv13XVh4mbJnRx3DZp_DAcOMCtWSy"
            + "OUijFUgMu5mhH3QQteV8SIgz5g"
        ),
        (
            "PS384",
            "eyJhbGciOiJQUzM4NCIsImtpZCI6InIiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiY"
            + "XVkIjpbIm1haWwiLCJ3ZWIiXSwic3ViIjoiMTciLCJlbWFpbCI6IkFubiIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJzY29wZ"
            + "SI6Im9wZW5pZCBpbWFwIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjIwMDAwMDAwMDB9.l1wfJJer6AJPfhG-ZG-kjlhcnz_t"
            + "hLmAt5ZpTcbEhha7wN6L_hqtnQG5yThsq2SMH-B2yxVdJBetyOD9heeb1NAslMd5qfecB2-hIxP3AY-Ir-GnFrW_FAhmYoEj"
            + "gokIA3Vji8yuHui3wAcNUkiKtisYAvGdgHBIwoiLHYtBiTaV3EosPsQer26iqnPeKDwdYu4Y8qoBn-IPAEjjqqdV75UnU0bM"
            + "0JhMH81aWT-FZ0d-cO8iQKrHvcN57dZVCREYJ5URehmGcynuzpUghLZ3olZsT2t0nzxCxMrsfbItbxBkkSbxVkIgupkmDgzN"
            + "URrp82HjRgqlrhM1fkG_v6dRMw"
        ),
        (
            "PS512",
            "eyJhbGciOiJQUzUxMiIsImtpZCI6InIiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiY"
            + "XVkIjpbIm1haWwiLCJ3ZWIiXSwic3ViIjoiMTciLCJlbWFpbCI6IkFubiIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJzY29wZ"
            + "SI6Im9wZW5pZCBpbWFwIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjIwMDAwMDAwMDB9.a2_NoCMeKOyIm6OVlmkM7aCUKEcq"
            + "sDN7iHwDqIsCBXDBjt3552X6ylFrH5he-hRaehPr3c8qYzH3GRRQfpX6l-h3Iqj8z6FXLyDXESpHxz65QptMFQbcoXj0Eite"
            + "iSsM0JW08jnPfQNyivWb2zEoNo64estiym48qxIIkvtqfOWqgxnTEJIYff2ZM4jTjL78tbtM9pEYZxXUJjCnzi8oJn36rSjL"
            + "D5yByOlUsoq5ITMlxFJQ1O3S6wleX-W3tgT_qFD8CburnBkI9p0jZlR8S83VBxV84T6pmfiN7HnFIZ7-08q9Te7hhpyxunCH"
            + "xzfE5yqHzmRysWNSki3QdA-_tg"
        ),
        (
            "ES256",
            "eyJhbGciOiJFUzI1NiIsImtpZCI6IkVTMjU2IiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxl"
            + "IiwiYXVkIjpbIm1haWwiLCJ3ZWIiXSwic3ViIjoiMTciLCJlbWFpbCI6IkFubiIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJz"
            + "Y29wZSI6Im9wZW5pZCBpbWFwIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjIwMDAwMDAwMDB9.8zcu7qhzF3M0KllUQR5Zz4A"
            + "LMPwqbrq5A4g_CMNHp_vR7t7UwrCVCiUkouBl1blDrg8HR6F_TafOHO1vaMdedA"
        ),
        (
            "ES384",
            "eyJhbGciOiJFUzM4NCIsImtpZCI6IkVTMzg0IiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxl"
            + "IiwiYXVkIjpbIm1haWwiLCJ3ZWIiXSwic3ViIjoiMTciLCJlbWFpbCI6IkFubiIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJz"
            + "Y29wZSI6Im9wZW5pZCBpbWFwIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjIwMDAwMDAwMDB9.JPrXJ9ujl-z5EWMzvopR2nA"
            + "BVrDFz-hkWwTS8nOSCRZV-dTmDlICbTANTrQ7l4T_RhyiGAZuzO7X2dSug_NOljzkfv29dhKMxGRtd_X9ptlG8IZkzBYZBot"
            + "4s02dTm_z"
        ),
        (
            "ES512",
            "eyJhbGciOiJFUzUxMiIsImtpZCI6IkVTNTEyIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxl"
            + "IiwiYXVkIjpbIm1haWwiLCJ3ZWIiXSwic3ViIjoiMTciLCJlbWFpbCI6IkFubiIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJz"
            + "Y29wZSI6Im9wZW5pZCBpbWFwIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjIwMDAwMDAwMDB9.AVfwoG4Xxx-BF5nUDVtLhpS"
            + "fhHEptyFG0qRwcchSX3wrIcFsXBOPPUH4auFA94T_NhZQdGcbWbT55RuLJbd5UqjdAbEY7y4XbeP_G5aU7GaSITjMVenBvIg"
            + "6jObZzZqB7FxuDGwgd10PeEeIQDzjx_C-voGv1_lD0U_oCSkEw2i4DHmp"
        ),
        (
            "EdDSA",
            "eyJhbGciOiJFZERTQSIsImtpZCI6ImVkIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwi"
            + "YXVkIjpbIm1haWwiLCJ3ZWIiXSwic3ViIjoiMTciLCJlbWFpbCI6IkFubiIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJzY29w"
            + "ZSI6Im9wZW5pZCBpbWFwIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjIwMDAwMDAwMDB9.sBgaCEfEgAyODSwkz0aU_Cd6zcZ"
            + "BxffSbegs8fXXvOvZdQP0S9ynJJaEsKTnaiDbPhQNePPXEp7bCfM-1b0CCw"
        ),
        (
            "HS256",
            "eyJhbGciOiJIUzI1NiIsImtpZCI6InMiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiY"
            + "XVkIjpbIm1haWwiLCJ3ZWIiXSwic3ViIjoiMTciLCJlbWFpbCI6IkFubiIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJzY29wZ"
            + "SI6Im9wZW5pZCBpbWFwIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjIwMDAwMDAwMDB9.weJ8szrhpRAuqk8NHZqb0eTQn1zU"
            + "tpDDA8AkhElMJh8"
        ),
        (
            "HS384",
            "eyJhbGciOiJIUzM4NCIsImtpZCI6InMiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiY"
            + "XVkIjpbIm1haWwiLCJ3ZWIiXSwic3ViIjoiMTciLCJlbWFpbCI6IkFubiIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJzY29wZ"
            + "SI6Im9wZW5pZCBpbWFwIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjIwMDAwMDAwMDB9.htPN03nKhj_HRFfZkP36oDhDZ4k4"
            + "pa5FWUvjOsWHQygEQwlKBmK77GehJ06bELEI"
        ),
        (
            "HS512",
            "eyJhbGciOiJIUzUxMiIsImtpZCI6InMiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiY"
            + "XVkIjpbIm1haWwiLCJ3ZWIiXSwic3ViIjoiMTciLCJlbWFpbCI6IkFubiIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJzY29wZ"
            + "SI6Im9wZW5pZCBpbWFwIiwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjIwMDAwMDAwMDB9.U9lWRpyQQRp-q1ozEdWaICcea2jY"
            + "LgtUiTqmgIwPho6Ge8Z_POss1GhIM2KjsWWDiHF42KqGX_A_Ncisly_GAA"
        ),
    ]
}
