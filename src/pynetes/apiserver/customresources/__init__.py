"""Resources that CustomResourceDefinitions add to the server.

``resource`` makes the record of a resource from a definition, ``conditions`` says what a definition's status is: both
pure. ``serving`` follows the definitions, serves what is established, and cleans up after what is deleted.

Source: apiextensions-apiserver.
"""
