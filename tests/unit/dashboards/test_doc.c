#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "dashboards/doc.h"
#include "dashboards/prose.h"

static char text[8192];

static const char *text_of(struct buf *out)
{
    cr_assert(!out->failed && out->size < sizeof text);
    memcpy(text, out->bytes, out->size);
    text[out->size] = '\0';
    buf_close(out);
    return text;
}

static const char *write_sample(enum doc_form form)
{
    static const char *const heads[] = {"name", "n"};
    struct doc doc;
    struct buf out, svg;
    buf_init(&out);
    buf_init(&svg);
    buf_put(&svg, "<svg/>", 6);
    doc_begin(&doc, form, "en", "A & B", &out);
    doc_heading(&doc, 2, "<one>");
    doc_paragraph(&doc, "it's *not* [a] `code` \"x\"\n- y");
    doc_figure(&doc, "charts/a.svg", "a > b", &svg);
    doc_table(&doc, "lr", heads);
    doc_cell(&doc, "a|b_c");
    doc_cell(&doc, "1,234");
    doc_cell(&doc, "");
    doc_cell(&doc, "");
    doc_table_end(&doc);
    doc_end(&doc);
    buf_close(&svg);
    return text_of(&out);
}

Test(doc, markdown_is_escaped)
{
    cr_expect_str_eq(write_sample(DOC_MARKDOWN), "# A \\& B\n"
                                                 "\n## \\<one\\>\n"
                                                 "\nit's \\*not\\* \\[a\\] \\`code\\` \"x\" - y\n"
                                                 "\n![a \\> b](charts/a.svg)\n"
                                                 "\n| name | n |\n| --- | ---: |\n"
                                                 "| a\\|b\\_c | 1,234 |\n"
                                                 "|  |  |\n");
}

Test(doc, html_is_escaped_and_holds_its_pictures)
{
    const char *html = write_sample(DOC_HTML);
    cr_expect(strstr(html, "<title>A &amp; B</title>"), "%s", html);
    cr_expect(strstr(html, "<h2>&lt;one&gt;</h2>"));
    cr_expect(strstr(html, "<p>it&#39;s *not* [a] `code` &quot;x&quot; - y</p>"));
    cr_expect(strstr(html, "src=\"data:image/svg+xml;base64,PHN2Zy8+\"")); /* of <svg/> */
    cr_expect(strstr(html, "<tr><td>a|b_c</td><td class=\"n\">1,234</td></tr>\n"
                           "<tr><td></td><td class=\"n\"></td></tr>\n"));
    cr_expect(strstr(html, "<th scope=\"col\">name</th><th scope=\"col\" class=\"n\">n</th>"));
    cr_expect(strstr(html, "<script") == NULL && strstr(html, "<one>") == NULL);
}

Test(prose, digits_are_grouped)
{
    static const struct {
        uint64_t value;
        const char *text;
    } table[] = {
        {0, "0"},
        {7, "7"},
        {999, "999"},
        {1000, "1,000"},
        {559125, "559,125"},
        {UINT64_MAX, "18,446,744,073,709,551,615"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        cr_expect_str_eq(prose_u64(table[i].value).text, table[i].text);
    cr_expect_str_eq(prose_double(2420000.125, 1).text, "2,420,000.1");
    cr_expect_str_eq(prose_double(-1234.5, 2).text, "-1,234.50");
    cr_expect_str_eq(prose_double(999.96, 1).text, "1,000.0");
    cr_expect_str_eq(prose_double(NAN, 1).text, "", "missing is not zero");
    cr_expect_str_eq(prose_double(INFINITY, 1).text, "");
    cr_expect_str_eq(prose_double(1208925819614629174706176., 0).text, "1.21e+24", "of a /48");
}

Test(prose, words_agree_with_their_number)
{
    cr_expect_str_eq(prose_counted(0, "packet", "packets").text, "0 packets");
    cr_expect_str_eq(prose_counted(1, "packet", "packets").text, "1 packet");
    cr_expect_str_eq(prose_counted(1234, "packet", "packets").text, "1,234 packets");
    cr_expect_str_eq(prose_date(2024, 3, 1).text, "2024-03-01");
}
