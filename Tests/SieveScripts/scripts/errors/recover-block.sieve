if true {
    keep ( true;
    discard ];
}
if true { keep }
