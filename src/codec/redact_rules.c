/* redact_rules.c: the kinds of things that are taken out, each with its pattern and its proof.
 *
 * A pattern says how such a thing is written, a check whether its numbers add up: that is what
 * tells a bank card from an order number. Digits may be full-width, as Chinese input methods write
 * them. The order matters: what is longer or proves more comes first. */

#include "codec/redact_rules.h"

#include "base/base.h"

#include <arpa/inet.h>

/* --- digits, ASCII or full-width (U+FF10 to U+FF19: EF BC 90 to EF BC 99) --- */

enum { DIGITS_MOST = 32 };

/* The digits of a text, everything else is passed over; X counts as 10 when it ends an identity
 * card's number. */
static size_t digits_of(struct slice text, unsigned char ret[DIGITS_MOST])
{
    const unsigned char *p = (const unsigned char *)text.at;
    size_t n = 0;

    for (size_t i = 0; i < text.len && n < DIGITS_MOST; i++) {
        bool wide = i + 2 < text.len && p[i] == 0xEF && p[i + 1] == 0xBC;
        unsigned char c = wide ? (unsigned char)(p[i + 2] - 0x90 + '0') : p[i];
        i += wide ? 2 : 0;
        if (c >= '0' && c <= '9')
            ret[n++] = (unsigned char)(c - '0');
        else if (c == 'x' || c == 'X')
            ret[n++] = 10;
    }
    return n;
}

/* --- checks --- */

/* ISO/IEC 7812-1, annex B. */
static bool is_bank_card(struct slice match)
{
    unsigned char d[DIGITS_MOST];
    size_t n = digits_of(match, d);
    unsigned sum = 0;

    if (n < 13 || n > 19)
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned digit = d[n - 1 - i];
        if (i % 2 == 1)
            digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
        sum += digit;
    }
    return sum % 10 == 0;
}

/* GB 11643-1999: the last of the 18 is a check digit by ISO 7064, MOD 11-2. */
static bool is_identity_card(struct slice match)
{
    static const unsigned char weights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2, 1};
    unsigned char d[DIGITS_MOST];
    size_t n = digits_of(match, d);
    unsigned sum = 0;

    if (n != ARRAY_LEN(weights))
        return false;
    for (size_t i = 0; i < n; i++)
        sum += (unsigned)weights[i] * d[i];
    return sum % 11 == 1;
}

/* ITU-T E.164: at most 15 digits; fewer than 8 with the country's are no subscriber. */
static bool is_international(struct slice match)
{
    unsigned char d[DIGITS_MOST];
    size_t n = digits_of(match, d);

    return n >= 8 && n <= 15;
}

static bool to_text(struct slice match, char *ret, size_t size)
{
    if (match.len == 0 || match.len >= size)
        return false;
    memcpy(ret, match.at, match.len);
    ret[match.len] = '\0';
    return true;
}

/* The machine itself tells nothing about anybody. */
static bool is_ipv4(struct slice match)
{
    char text[INET_ADDRSTRLEN];
    unsigned char at[4];

    return to_text(match, text, sizeof(text)) && inet_pton(AF_INET, text, at) == 1 &&
           at[0] != 127 && (at[0] | at[1] | at[2] | at[3]) != 0;
}

/* "12:30:45" and "std::size" are none. */
static bool is_ipv6(struct slice match)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char at[16];
    unsigned colons = 0;
    bool digit = false;

    for (size_t i = 0; i < match.len; i++) {
        colons += match.at[i] == ':';
        digit |= match.at[i] >= '0' && match.at[i] <= '9';
    }
    if (!digit || colons < 2 || !to_text(match, text, sizeof(text)))
        return false;
    return inet_pton(AF_INET6, text, at) == 1 && match.len > strlen("::1");
}

/* --- patterns --- */

#define D          "[0-9０-９]"
#define NO_DIGIT   "(?<![0-9０-９])"
#define END_DIGITS "(?![0-9０-９])"
#define SEP        "[ \\-－\\x{00A0}\\x{3000}]?"
#define KEY_START  "(?<![A-Za-z0-9])"

/* clang-format off */
const struct redact_rule redact_rules[] = {
    /* PEM (RFC 7468), also cut short */
    {"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[\\s\\S]{1,16384}?"
     "(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\\z)", "[SECRET]", NULL},
    /* JSON Web Tokens (RFC 7519) */
    {KEY_START "eyJ[A-Za-z0-9_-]{5,8192}\\.[A-Za-z0-9_-]{5,8192}(?:\\.[A-Za-z0-9_-]{0,8192})?",
     "[SECRET]", NULL},
    /* keys that say by their beginning what they are */
    {KEY_START "(?:(?:sk|pk|rk)[-_][A-Za-z0-9_-]{12,512}"
     "|(?:AKIA|ASIA|AGPA|AIDA|AROA)[0-9A-Z]{16}(?![0-9A-Z])"
     "|LTAI[0-9A-Za-z]{12,30}|AKID[0-9A-Za-z]{13,40}|AIza[0-9A-Za-z_-]{30,64}"
     "|gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255}"
     "|glpat-[A-Za-z0-9_-]{16,255}|xox[abeoprs]-[A-Za-z0-9-]{10,255}"
     "|(?:hf|gsk|xai|npm|pypi|nvapi|r8|fw|tvly)[-_][A-Za-z0-9_-]{20,512}"
     "|ya29\\.[A-Za-z0-9_-]{20,512})", "[SECRET]", NULL},
    {"(?i)(?<![a-z0-9])(?:bearer|basic)[ \\t]{1,8}\\K[a-z0-9._~+/-]{12,4096}={0,2}",
     "[SECRET]", NULL},
    /* user and password of a URL (RFC 3986, 3.2.1) */
    {"://\\K[^\\s/@:\\[\\]]{0,128}:(?!\\[SECRET\\]@)[^\\s/@]{1,256}(?=@)", "[SECRET]", NULL},
    /* said to be one */
    {"(?i)(?<![a-z])(?:api[_ -]?key|access[_ -]?key|(?:access|auth|refresh|session)[_ -]?token"
     "|secret(?:[_ -]?(?:key|access[_ -]?key))?|private[_ -]?key|pass(?:word|wd|code|phrase)|pwd"
     "|密码|口令|密钥|令牌|验证码)"
     "[\"'`]?[ \\t]{0,4}(?::|=|：|＝|是|为)[ \\t]{0,4}[\"'`]?\\K"
     "(?!\\[[A-Z]+\\]|null|true|false|undefined)[!#-&(-+\\-.-:<-Z^-_a-z|~]{4,512}",
     "[SECRET]", NULL},
    /* lengths by RFC 5321 */
    {"(?<![A-Za-z0-9._%+-])[A-Za-z0-9_%+][A-Za-z0-9._%+-]{0,63}[@＠]"
     "(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])",
     "[EMAIL]", NULL},
    {NO_DIGIT "[1-9１-９]" D "{5}" SEP "(?:18|19|20|１８|１９|２０)" D "{6}" SEP D
     "{3}[0-9０-９Xx]" END_DIGITS, "[ID_CARD]", is_identity_card},
    /* United States: never 000, 666 or 9xx in front */
    {"(?<![0-9-])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![0-9-])",
     "[ID_CARD]", NULL},
    /* the first digit names a bank's or a traveller's card (ISO/IEC 7812-1) */
    {NO_DIGIT "(?<![0-9]\\.)[2-6２-６](?:" SEP D "){12,18}" END_DIGITS,
     "[BANK_CARD]", is_bank_card},
    {"(?<![0-9+])\\+[1-9](?:[ .\\-()]{0,2}[0-9]){7,14}" END_DIGITS, "[PHONE]", is_international},
    /* Chinese mobiles, and lines with their area */
    {NO_DIGIT "(?<![0-9]\\.)(?:(?:00|[+＋])?86" SEP ")?[1１][3-9３-９]" D SEP D "{4}" SEP D
     "{4}" END_DIGITS "(?!\\.[0-9])", "[PHONE]", NULL},
    {NO_DIGIT "(?<![0-9]\\.)(?:[(（]0[1-9][0-9]{1,2}[)）]|0[1-9][0-9]{1,2}-)[ -]?[2-9][0-9]{6,7}"
     "(?:-[0-9]{1,6})?" END_DIGITS, "[PHONE]", NULL},
    /* North America */
    {"(?<![0-9.\\-])(?:1[ .-])?(?:\\([2-9][0-9]{2}\\) ?|[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-]"
     "[0-9]{4}(?![0-9]|[.-][0-9])", "[PHONE]", NULL},
    {"(?<![0-9A-Za-z:.])(?=[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{2,39}(?:(?:\\.[0-9]{1,3}){3})?"
     "(?![0-9A-Za-z:])", "[IP]", is_ipv6},
    {"(?<![0-9A-Za-z.])(?:[0-9]{1,3}\\.){3}[0-9]{1,3}(?![0-9A-Za-z]|\\.[0-9])", "[IP]", is_ipv4},
    {NULL, NULL, NULL},
};
/* clang-format on */
