"""Secrets with the token of a ServiceAccount: what they are called, and what is in such a token.

Source: kubernetes ``pkg/serviceaccount/legacy.go``, core/v1 ``types.go`` (``SecretTypeServiceAccountToken``).
"""

TYPE = "kubernetes.io/service-account-token"
ACCOUNT = "kubernetes.io/service-account.name"
ACCOUNT_UID = "kubernetes.io/service-account.uid"
"""Annotations."""
LAST_USED = "kubernetes.io/legacy-token-last-used"
INVALID_SINCE = "kubernetes.io/legacy-token-invalid-since"
"""Labels, each with a day such as 2026-01-31."""
ISSUER = "kubernetes/serviceaccount"
CLAIM = "kubernetes.io/serviceaccount/"
"""What the names of the token's own claims begin with."""
