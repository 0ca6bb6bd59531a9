//! Tokens that are known by their looks: how each kind begins, and what follows.

use super::random::is_random;
use regex::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// No shape is shorter.
pub(super) const SHORTEST: usize = 15;

/// What begins like this is a token if twelve of its characters follow.
const KINDS: [(&str, &str); 24] = [
    ("GitHub", "gh[a-z]_|github_pat_"),
    ("GitLab", "gl(?:[a-z]{2,8})-|GR1348941|_gitlab_session="),
    ("Atlassian and Bitbucket", "AT(?:ATT|CTT|BB|STT|CATT)"),
    ("Docker Hub and Swarm", "dckr_[a-z]{3}_|SWMTKN-1-|SWMKEY-1-"),
    (
        "AWS",
        "(?:A3T[A-Z0-9]|A(?:KIA|SIA|BIA|CCA|ROA|IDA))[A-Z2-7]{4}|ABSK|bedrock-api-key-",
    ),
    ("Google", r"AIza|ya29\.|GOCSPX-|1//0"),
    ("Azure and Microsoft", r"[A-Za-z0-9_~.]{3}[0-9]Q~"),
    (
        "other clouds",
        "LTAI|AKID|AQVN|tk-us-|do[opr]_v1_|HRKU-|fo1_|fm[12][a-z]?_|vc[a-z]_|nfp_|sbp_",
    ),
    ("Slack", r"xox[a-z][-.]|xapp-[0-9]-"),
    (
        "package registries",
        "npm_|pypi-|rubygems_|CLOJARS_|AKCp|cmVmd|oy2[a-z]|cio[A-Z]|cloudsmith_",
    ),
    (
        "Vault and its like",
        r"hv[a-z]\.|atlasv1\.|dp\.[a-z]{2,5}\.|ops_eyJ|A3-[A-Z0-9]{6}-|AGE-SECRET-KEY-",
    ),
    (
        "infrastructure",
        "pul-|ico-|dapi[0-9a-f]|pscale_[a-z]+_|tskey-|v1\\.0-[0-9a-f]{24}-|sha256~|API-[A-Z0-9]{9}|p[0-9]e-",
    ),
    (
        "monitoring",
        r"gls?[ac]_|NR[A-Z]{2}-|sntr[a-z]{2}_|dt0[a-z][0-9]{2}\.|PMAK-|rdme_|phc_|phx_|ddp_",
    ),
    (
        "CI systems",
        "bk[a-z]{2}_|CCIP(?:AT|RJ)_|pn[ub]_|sq[apu]_|sgp_|snyk_|cf[a-z]{2}_",
    ),
    (
        "payments",
        "(?:sk|rk|pk|whsec)_(?:live|test|prod)_|whsec_|EAAA|sq0[a-z]{3}-|FLW[A-Z]+_?[A-Z]*-|shippo_[a-z]+_|EZ[AT]K|duffel_[a-z]+_|access_token\\$",
    ),
    (
        "mail and telephone",
        r"SG\.|xkeysib-|xsmtpsib-|key-[0-9a-f]{8}|(?:SK|AC)[0-9a-f]{8}",
    ),
    (
        "models",
        r"sk-(?:proj|ant|svcacct|admin|or)-|hf_|api_org_|r8_|pplx-|gsk_|xai-",
    ),
    (
        "shops and social networks",
        "shp[a-z]{2}_|EAA[A-Z]|fio-u-|lin_api_|ntn_|figd_|tfp_|sm_[a-z]at_|s-s4t2",
    ),
    ("JSON Web Tokens and other JSON in Base64", "eyJ|ZXlK|ewog"),
    (
        "keys without their first line",
        "MII[A-Z]|b3BlbnNzaC1rZXkt|LS0tLS1CRUdJTi",
    ),
    ("chat", r"[0-9]{8,10}:AA"),
    (
        "webhooks that need no password",
        r"(?:hooks\.slack\.com|hooks\.zapier\.com|discord(?:app)?\.com/api|[a-z0-9.-]*webhook\.office\.com)/",
    ),
    ("Vault of old", r"[sb]\.[A-Za-z0-9]{20}"),
    ("Mailchimp", "[0-9a-f]{32}-us"),
];
/// What begins many a word that is none: what follows must look random.
const SHORT: &str = "sk-|pat[A-Za-z0-9_.-]|pk-|t1\\.|lob_|live_|test_|secret_|token_|key_";

static TOKENS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let kinds: Vec<&str> = KINDS.iter().map(|(_, begins)| *begins).collect();
    let begins = kinds.join("|");
    Regex::new(&format!(
        r"(?:^|[^A-Za-z0-9])((?:{begins})[A-Za-z0-9_.~+/=%-]{{12,}}|(?:{SHORT})(?P<rest>[A-Za-z0-9_-]{{16,}}))"
    ))
    .ok()
});

pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    let Some(tokens) = TOKENS.as_ref() else {
        return;
    };
    for token in tokens.captures_iter(text) {
        if token
            .name("rest")
            .is_some_and(|rest| !is_random(rest.as_str()))
        {
            continue;
        }
        if let Some(token) = token.get(1) {
            // A full stop ends a sentence, not a token.
            let length = token.as_str().trim_end_matches('.').len();
            found.push(token.start()..token.start() + length);
        }
    }
}
