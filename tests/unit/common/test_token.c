#include <criterion/criterion.h>

#include <string.h>

#include "common/token.h"

Test(token, text_and_back)
{
    static const uint8_t pin[CERT_PIN_SIZE] = {0, 1, 255, 128, [31] = 7};
    struct token token, other, read;
    char text[TOKEN_TEXT_SIZE + 1];
    cr_assert_eq(token_new(&token, pin), 0);
    cr_assert_eq(token_new(&other, pin), 0);
    cr_assert_arr_neq(token.secret, other.secret, TOKEN_SECRET_SIZE);
    token_text(&token, text);
    cr_assert_eq(strlen(text), TOKEN_TEXT_SIZE);
    cr_assert(token_parse(&read, text));
    cr_assert_arr_eq(read.pin, pin, sizeof pin);
    cr_assert_arr_eq(read.secret, token.secret, TOKEN_SECRET_SIZE);
}

/* The bytes 0, 1, 2 ... in base64url, as any other program writes them. */
Test(token, text_is_base64url)
{
    struct token token;
    char text[TOKEN_TEXT_SIZE + 1];
    for (uint8_t i = 0; i < sizeof token; i++)
        ((uint8_t *)&token)[i] = (uint8_t)(i * 5 + 180);
    token_text(&token, text);
    cr_assert_str_eq(text, "tLm-w8jN0tfc4ebr8PX6_wQJDhMYHSInLDE2O0BFSk9UWV5jaG1yd3yBhouQlZqf");
}

Test(token, what_is_none_is_refused)
{
    struct token token;
    char text[TOKEN_TEXT_SIZE + 2];
    memset(text, 'A', sizeof text);
    text[TOKEN_TEXT_SIZE + 1] = '\0';
    cr_assert_not(token_parse(&token, text));
    text[TOKEN_TEXT_SIZE - 1] = '\0';
    cr_assert_not(token_parse(&token, text));
    memset(text, 'A', TOKEN_TEXT_SIZE);
    text[TOKEN_TEXT_SIZE] = '\0';
    cr_assert(token_parse(&token, text));
    text[7] = '+';
    cr_assert_not(token_parse(&token, text));
}

Test(token, hashes_are_compared_whole)
{
    static const uint8_t one[TOKEN_SECRET_SIZE] = {1}, two[TOKEN_SECRET_SIZE] = {2};
    char a[TOKEN_HASH_SIZE + 1], b[TOKEN_HASH_SIZE + 1];
    token_hash(one, a);
    token_hash(two, b);
    cr_assert(token_matches(a, a));
    cr_assert_not(token_matches(a, b));
    cr_assert_not(token_matches("", a));
    cr_assert_not(token_matches("", ""));
}
