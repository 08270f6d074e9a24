"""Admission webhooks: HTTPS servers that are asked about writes, and may refuse or change them.

``hooks`` reads the configurations, ``matching`` chooses by rules and selectors, ``reviews`` writes the question and
reads the answer (all three pure); ``calls`` reaches the servers; ``dispatch`` is the two plug-ins.

Differs: matchConditions (CEL) are refused where the configuration is written; writes through the scale subresource are
    not asked about, and neither are connects; no metrics of webhooks.

Source: apiserver ``pkg/admission/plugin/webhook``.
"""
