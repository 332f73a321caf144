#include "dashboards/nict.h"

#define UNPUB       NICT_UNPUBLISHED
#define REPORT_2017 "NICT REPORT 2019 p.43 (NICTER Analysis Report 2017)"

/* year, total packets, observed addresses, packets per address, edition, exact, source; in the
 * order of the editions. */
const struct nict_row nict_rows[] = {
    {2005, 310000000, 16000, 19066, 2017, true, REPORT_2017},
    {2006, 810000000, 100000, 17231, 2017, true, REPORT_2017},
    {2007, 1990000000, 100000, 19118, 2017, true, REPORT_2017},
    {2008, 2290000000, 120000, 22710, 2017, true, REPORT_2017},
    {2009, 3570000000, 120000, 36190, 2017, true, REPORT_2017},
    {2010, 5650000000, 120000, 50128, 2017, true, REPORT_2017},
    {2011, 4540000000, 120000, 40654, 2017, true, REPORT_2017},
    {2012, 7780000000, 190000, 53085, 2017, true, REPORT_2017},
    {2013, 12880000000, 210000, 63655, 2017, true, REPORT_2017},
    {2014, 25660000000, 240000, 115323, 2017, true, REPORT_2017},
    {2015, 54510000000, 280000, 213523, 2017, true, REPORT_2017},
    {2016, 128100000000, 300000, 469104, 2017, true, REPORT_2017},
    {2017, 150400000000, 300000, 559125, 2017, true, REPORT_2017},
    {2018, 212100000000, UNPUB, UNPUB, 2018, false,
     "JST STI updates 2019-02 on the NICTER report 2018"},
    {2018, 212100000000, UNPUB, 790000, 2019, false,
     "ScanNetSecurity 2020-02-13 on the NICTER report 2019"},
    {2019, 327900000000, 300000, 1200000, 2019, false,
     "ScanNetSecurity 2020-02-13 on the NICTER report 2019"},
    {2019, 322000000000, UNPUB, 1187935, 2020, true,
     "Security NEXT 123420 on the NICTER report 2020"},
    {2020, 500100000000, 300000, 1820722, 2020, true,
     "Security NEXT 123420 on the NICTER report 2020"},
    {2021, 518000000000, 290000, 1750000, 2021, false,
     "Security Insight 4928 on the NICTER report 2021"},
    {2022, 522600000000, 290000, 1830000, 2022, false,
     "Security Insight 5319 on the NICTER report 2022"},
    {2015, 63200000000, UNPUB, UNPUB, 2023, false,
     "MIC white paper on information and communications 2024 (figure II-1-10-3)"},
    {2023, 619700000000, UNPUB, UNPUB, 2023, false,
     "MIC white paper on information and communications 2024 (figure II-1-10-3)"},
    {2015, 63200000000, UNPUB, UNPUB, 2024, false,
     "MIC white paper on information and communications 2025 (figure II-1-10-3)"},
    {2024, 686200000000, 290000, 2420000, 2024, false,
     "Impress Web-tan 48716 on the NICTER report 2024"},
    {2025, 701000000000, UNPUB, UNPUB, 2025, false,
     "NICT release on the NICTER report 2025 via Gifu Shimbun 663437"},
};
const size_t nict_row_count = sizeof nict_rows / sizeof *nict_rows;

const struct nict_row *nict_per_address(int year)
{
    const struct nict_row *best = NULL;
    for (size_t i = 0; i < nict_row_count; i++) {
        const struct nict_row *row = &nict_rows[i];
        if (row->year == year && row->packets_per_address != NICT_UNPUBLISHED &&
            (!best || row->edition > best->edition))
            best = row;
    }
    return best;
}

int nict_first_year(void)
{
    int year = nict_rows[0].year;
    for (size_t i = 1; i < nict_row_count; i++)
        if (nict_rows[i].year < year)
            year = nict_rows[i].year;
    return year;
}

int nict_last_year(void)
{
    int year = nict_rows[0].year;
    for (size_t i = 1; i < nict_row_count; i++)
        if (nict_rows[i].year > year)
            year = nict_rows[i].year;
    return year;
}
