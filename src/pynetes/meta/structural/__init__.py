"""Structural schemas: what a CustomResourceDefinition says of its objects, and what is done with them by it.

``rules`` says whether a schema is structural at all; ``pruning`` takes out what it does not know; ``defaulting`` puts
in what it gives; ``validation`` says what is wrong with a value; ``compiled`` is all of that for one version. A schema
is the plain ``openAPIV3Schema`` of a definition.

Source: apiextensions-apiserver ``pkg/apiserver/schema``; KEP-1111 (structural schemas).
"""
