#include "dashboards/doc.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

/* In print: no chapter's head at the foot of a page, no chart, row or table cut that fits on a page; type
 * that suits paper. Japanese heads of tables break between phrases where the browser knows them. */
static const char style[] =
    "body{font-family:'DejaVu Sans','IPAexGothic',sans-serif;line-height:1.5;max-width:60rem;"
    "margin:2rem auto;padding:0 1rem;color:#111;background:#fff}\n"
    "h1{font-size:1.8rem}h2{font-size:1.3rem;margin-top:2.2rem;border-bottom:1px solid #999}"
    "h3{font-size:1.05rem}\n"
    "table{border-collapse:collapse;font-size:.85rem;margin:1rem 0}\n"
    "th,td{padding:.2rem .7rem;border-bottom:1px solid #ccc;text-align:left;vertical-align:top}\n"
    "th{border-bottom:2px solid #444;vertical-align:bottom;word-break:auto-phrase}"
    ".n{text-align:right}td.n{font-variant-numeric:tabular-nums;white-space:nowrap}\n"
    "figure{margin:1.5rem 0}figure img{width:100%;height:auto}.t{overflow-x:auto}"
    "@media screen and (max-width:40rem){figure{overflow-x:auto}figure img{width:42rem}}"
    "figcaption{font-size:.85rem;color:#444}\n"
    "@page{size:A4;margin:15mm 13mm}\n"
    "@media print{html{font-size:10pt}body{margin:0;max-width:none;padding:0;line-height:1.4}"
    "h1,h2,h3{break-after:avoid}p{orphans:3;widows:3}th,td{padding:.15rem .5rem}"
    ".t{overflow-x:visible}figure,table,tr{break-inside:avoid}figcaption{break-before:avoid}"
    "thead{display:table-header-group}}\n";

static void put(struct doc *doc, const char *text)
{
    buf_put(doc->out, text, strlen(text));
}

static const char *html_escape(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* The text with its markup escaped; a line break in it is a blank. */
static void put_text(struct doc *doc, const char *text)
{
    for (; *text; text++) {
        const char *escape = doc->form == DOC_HTML ? html_escape(*text) : NULL;
        if (escape)
            put(doc, escape);
        else if ((unsigned char)*text < ' ')
            buf_put_u8(doc->out, ' ');
        else {
            if (doc->form == DOC_MARKDOWN && strchr("\\`*_{}[]<>#|~&!", *text))
                buf_put_u8(doc->out, '\\');
            buf_put_u8(doc->out, (uint8_t)*text);
        }
    }
}

static void put_between(struct doc *doc, const char *before, const char *text, const char *after)
{
    put(doc, before);
    put_text(doc, text);
    put(doc, after);
}

void doc_begin(struct doc *doc, enum doc_form form, const char *language, const char *title,
               struct buf *out)
{
    *doc = (struct doc){.form = form, .out = out};
    if (form == DOC_MARKDOWN) {
        put_between(doc, "# ", title, "\n");
        return;
    }
    put_between(doc, "<!DOCTYPE html>\n<html lang=\"", language, "\">\n<head>\n");
    put(doc, "<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width\">\n"
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
             "img-src data:; style-src 'unsafe-inline'\">\n");
    put_between(doc, "<title>", title, "</title>\n<style>\n");
    put(doc, style);
    put_between(doc, "</style>\n</head>\n<body>\n<h1>", title, "</h1>\n");
}

void doc_heading(struct doc *doc, int level, const char *text)
{
    char before[16], after[16];
    if (doc->form == DOC_MARKDOWN) {
        put_between(doc, level == 2 ? "\n## " : "\n### ", text, "\n");
        return;
    }
    snprintf(before, sizeof before, "<h%d>", level);
    snprintf(after, sizeof after, "</h%d>\n", level);
    put_between(doc, before, text, after);
}

void doc_paragraph(struct doc *doc, const char *text)
{
    if (doc->form == DOC_HTML)
        put_between(doc, "<p>", text, "</p>\n");
    else
        put_between(doc, "\n", text, "\n");
}

/* RFC 4648, section 4. */
static void put_base64(struct doc *doc, const struct buf *bytes)
{
    size_t size = (bytes->size + 2) / 3 * 4;
    uint8_t *room = buf_extend(doc->out, size + 1); /* EVP ends it with a zero byte */
    if (!room)
        return;
    EVP_EncodeBlock(room, bytes->bytes, (int)bytes->size);
    doc->out->size--;
}

void doc_figure(struct doc *doc, const char *file, const char *words, const struct buf *svg)
{
    if (doc->form == DOC_MARKDOWN) {
        put_between(doc, "\n![", words, "](");
        put(doc, file);
        put(doc, ")\n");
        return;
    }
    put_between(doc, "<figure><img alt=\"", words, "\" src=\"data:image/svg+xml;base64,");
    put_base64(doc, svg);
    put_between(doc, "\"><figcaption>", words, "</figcaption></figure>\n");
}

/* Whether the column that is being written is one of numbers. */
static bool of_numbers(const struct doc *doc)
{
    return doc->sides[doc->column] == 'r';
}

void doc_table(struct doc *doc, const char *sides, const char *const *heads)
{
    bool html = doc->form == DOC_HTML;
    doc->sides = sides;
    put(doc, html ? "<div class=\"t\"><table><thead><tr>" : "\n|");
    for (doc->column = 0; sides[doc->column]; doc->column++)
        put_between(doc,
                    !html             ? " "
                    : of_numbers(doc) ? "<th scope=\"col\" class=\"n\">"
                                      : "<th scope=\"col\">",
                    heads[doc->column], html ? "</th>" : " |");
    put(doc, html ? "</tr></thead><tbody>\n" : "\n|");
    for (doc->column = 0; sides[doc->column] && !html; doc->column++)
        put(doc, of_numbers(doc) ? " ---: |" : " --- |");
    if (!html)
        put(doc, "\n");
    doc->column = 0;
}

void doc_cell(struct doc *doc, const char *text)
{
    bool html = doc->form == DOC_HTML;
    if (doc->column == 0)
        put(doc, html ? "<tr>" : "|");
    put_between(doc,
                !html             ? " "
                : of_numbers(doc) ? "<td class=\"n\">"
                                  : "<td>",
                text, html ? "</td>" : " |");
    if (doc->sides[++doc->column])
        return;
    put(doc, html ? "</tr>\n" : "\n");
    doc->column = 0;
}

void doc_table_end(struct doc *doc)
{
    if (doc->form == DOC_HTML)
        put(doc, "</tbody></table></div>\n");
}

void doc_end(struct doc *doc)
{
    if (doc->form == DOC_HTML)
        put(doc, "</body>\n</html>\n");
}
