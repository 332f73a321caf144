#include "dashboards/pdf.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "dashboards/child.h"
#include "dashboards/outdir.h"

#define TIMEOUT_S 120
#define CHOICES   (PDF_NONE + 1)
#define WORDS_MAX 20
#define PAGE      "report.html"
#define PRINTED   "report.pdf"

static const char *const names[CHOICES] = {
    [PDF_CHROMIUM] = "chromium",
    [PDF_WEASYPRINT] = "weasyprint",
    [PDF_WKHTMLTOPDF] = "wkhtmltopdf",
    [PDF_AUTO] = "auto",
    [PDF_NONE] = "no",
};

int pdf_converter_parse(const char *text, enum pdf_converter *converter, char *errmsg)
{
    for (int i = 0; i < CHOICES; i++) {
        if (strcmp(text, names[i]) == 0) {
            *converter = (enum pdf_converter)i;
            return 0;
        }
    }
    return err_set(errmsg, ERR_INVALID,
                   "--pdf '%.40s': give auto, no, chromium, weasyprint or wkhtmltopdf", text);
}

/* --- the converters --------------------------------------------------------------------------- */

/* Without tags: the numbers in them differ from run to run. Root has to do without chromium's own
 * sandbox, which it refuses. */
static void chromium_words(const char *url, const char *words[WORDS_MAX])
{
    const char *const all[] = {"chromium",
                               "--headless",
                               "--disable-gpu",
                               "--disable-dev-shm-usage",
                               "--disable-extensions",
                               "--disable-background-networking",
                               "--disable-component-update",
                               "--disable-sync",
                               "--no-first-run",
                               "--user-data-dir=profile",
                               "--disable-pdf-tagging",
                               "--no-pdf-header-footer",
                               "--print-to-pdf=" PRINTED,
                               url,
                               geteuid() == 0 ? "--no-sandbox" : NULL,
                               NULL};
    memcpy(words, all, sizeof all);
}

static void weasyprint_words(const char *words[WORDS_MAX])
{
    static const char *const all[] = {"weasyprint", PAGE, PRINTED, NULL};
    memcpy(words, all, sizeof all);
}

static void wkhtmltopdf_words(const char *words[WORDS_MAX])
{
    static const char *const all[] = {"wkhtmltopdf",
                                      "--quiet",
                                      "--disable-javascript",
                                      "--print-media-type",
                                      "--page-size",
                                      "A4",
                                      PAGE,
                                      PRINTED,
                                      NULL};
    memcpy(words, all, sizeof all);
}

static int run(enum pdf_converter converter, const struct outdir *work, char *errmsg)
{
    const char *words[WORDS_MAX];
    char url[sizeof work->path + 32], complaint[CHILD_COMPLAINT_SIZE];
    struct buf said;
    snprintf(url, sizeof url, "file://%s/" PAGE, work->path);
    if (converter == PDF_CHROMIUM)
        chromium_words(url, words);
    else if (converter == PDF_WEASYPRINT)
        weasyprint_words(words);
    else
        wkhtmltopdf_words(words);
    const struct child_task task = {
        .words = (char *const *)words, .timeout_s = TIMEOUT_S, .directory = work->path};
    buf_init(&said);
    int rc = child_run(&task, &said, complaint, errmsg);
    buf_close(&said);
    return rc;
}

/* --- the page --------------------------------------------------------------------------------- */

void pdf_forget_dates(struct buf *pdf)
{
    static const char *const marks[] = {"/CreationDate (D:", "/ModDate (D:"};
    static const char epoch[] = "19700101000000";
    for (size_t m = 0; m < sizeof marks / sizeof *marks; m++) {
        uint8_t *at = memmem(pdf->bytes, pdf->size, marks[m], strlen(marks[m]));
        const uint8_t *end = pdf->bytes + pdf->size;
        if (!at)
            continue;
        at += strlen(marks[m]);
        for (size_t i = 0; epoch[i] && at < end && isdigit(*at); i++)
            *at++ = (uint8_t)epoch[i];
    }
}

static int take(enum pdf_converter converter, const struct outdir *work, struct buf *pdf,
                char *errmsg)
{
    int rc = outdir_read(work, PRINTED, pdf, errmsg);
    if (rc)
        return err_wrap(errmsg, rc, "%s", names[converter]);
    if (pdf->size < 5 || memcmp(pdf->bytes, "%PDF-", 5) != 0)
        return err_set(errmsg, ERR_INVALID, "%s: what it wrote is no PDF", names[converter]);
    pdf_forget_dates(pdf);
    return 0;
}

static int convert(enum pdf_converter converter, const struct outdir *work, const struct buf *html,
                   struct buf *pdf, char *errmsg)
{
    int first = converter == PDF_AUTO ? PDF_CHROMIUM : (int)converter;
    int last = converter == PDF_AUTO ? PDF_WKHTMLTOPDF : (int)converter;
    int rc = outdir_write(work, PAGE, html, errmsg);
    for (int one = first; one <= last && rc == 0; one++) {
        rc = run((enum pdf_converter)one, work, errmsg);
        if (rc == 0)
            return take((enum pdf_converter)one, work, pdf, errmsg);
        if (rc == ERR_UNKNOWN && one < last)
            rc = 0;
    }
    if (rc == ERR_UNKNOWN && converter == PDF_AUTO)
        err_set(errmsg, rc, "none of chromium, weasyprint and wkhtmltopdf is installed");
    return rc;
}

int pdf_convert(enum pdf_converter converter, const struct buf *html, struct buf *pdf, char *errmsg)
{
    struct outdir work;
    int rc = outdir_scratch(&work, errmsg);
    if (rc)
        return rc;
    rc = convert(converter, &work, html, pdf, errmsg);
    outdir_abort(&work);
    return rc;
}
